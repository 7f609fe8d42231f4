//! A file that grows by a line an epoch.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::history::{EpochRecord, History};
use crate::whole_file;

/// The history as lines of text.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

impl LogFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Writes what there is already, such as the rows that a resumed run has behind it, and opens
    /// the file for more.
    pub fn begin(
        &mut self,
        head: Option<String>,
        history: &History,
        line: impl Fn(&EpochRecord) -> String,
    ) -> Result<()> {
        let lines = head.into_iter().chain(history.epochs.iter().map(line));
        let text: String = lines.map(|line| line + "\n").collect();
        whole_file::write(&self.path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = Some(file.map_err(Error::write(&self.path))?);
        Ok(())
    }

    /// One more line, in one piece.
    pub fn line(&mut self, line: String) -> Result<()> {
        match &mut self.file {
            None => Ok(()),
            Some(file) => {
                file.write_all((line + "\n").as_bytes()).map_err(Error::write(&self.path))
            }
        }
    }
}
