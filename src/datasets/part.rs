//! An archive that is not all here yet.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::{Place, delete};
use crate::error::{Error, Result};
use crate::whole_file;

/// Its record is much smaller.
const MOST_BYTES: u64 = 1 << 20;

/// What the bytes are a part of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Whole {
    pub url: String,
    /// By what the server knows this version of it: an entity tag, or the time of its last change.
    pub validator: Option<String>,
    pub total: Option<u64>,
}

/// The first bytes of an archive, and what they are the first bytes of.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    record: PathBuf,
    pub whole: Whole,
    pub length: u64,
}

impl Part {
    /// What an earlier process left of this url, if it can be taken up; else nothing yet.
    ///
    /// Without a validator nobody can tell whether the server still has the same archive; then only
    /// this process goes on with what it has itself received.
    pub fn open(place: &Place, url: &str) -> Result<Self> {
        let (path, record) = (place.archive(), place.part());
        // Windows has no file cut to nothing that was opened to append.
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let mut file = file.map_err(Error::write(&path))?;
        let length = file.seek(SeekFrom::End(0)).map_err(Error::read(&path))?;
        let whole = whole_file::read(&record, MOST_BYTES).ok();
        let whole: Option<Whole> = whole.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let whole = whole.unwrap_or_default();
        let mut part = Self { file, path, record, whole, length };
        let same = part.whole.url == url && part.whole.total.is_none_or(|total| length <= total);
        if !same || (part.whole.validator.is_none() && !part.is_all()) {
            part.restart(Whole::default())?;
        }
        Ok(part)
    }

    /// Whether all bytes are here, as far as anybody said how many there are.
    pub fn is_all(&self) -> bool {
        self.whole.total == Some(self.length)
    }

    /// Begins anew, with what is known of the whole.
    pub fn restart(&mut self, whole: Whole) -> Result<()> {
        let cut = self.file.set_len(0).and_then(|()| self.file.rewind());
        cut.map_err(Error::write(&self.path))?;
        self.length = 0;
        // The bytes go before their record does: it must never stand beside another's bytes.
        match whole == Whole::default() {
            true => delete(&self.record)?,
            false => {
                let text = serde_json::to_vec(&whole).unwrap_or_default();
                whole_file::write(&self.record, &text)?;
            }
        }
        self.whole = whole;
        Ok(())
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        if written.is_err() {
            // What did arrive counts: on a full disk some of the bytes may have.
            self.length = fs::metadata(&self.path).map_or(self.length, |found| found.len());
        } else {
            self.length += bytes.len() as u64;
        }
        written.map_err(Error::write(&self.path))
    }
}
