//! Logs of the epoch table, as CSV or JSON Lines.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::files::atomic;
use crate::learner::{Callback, Flow, State, Task};
use crate::printable::short_number;
use crate::records::{EpochRecord, History};

/// Writes the history as CSV, one row at the end of each epoch: fastai's `CSVLogger`.
///
/// The file holds all epochs of the learner, including those of earlier fits and those before a
/// resume. Numbers have all their digits; `seconds` is the duration of the epoch.
///
/// ```
/// use fastburn::callbacks::CsvLogger;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("history.csv");
/// let mut learn =
///     Learner::new(dls, model, CrossEntropy::new()).metric(accuracy()).callback(CsvLogger::new(&file));
/// learn.fit(2, 1e-3)?;
/// let text = std::fs::read_to_string(&file).unwrap();
/// assert!(text.starts_with("epoch,train_loss,valid_loss,accuracy,seconds\n0,"));
/// assert_eq!(text.lines().count(), 3);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct CsvLogger {
    log: LogFile,
}

impl CsvLogger {
    /// Writes to `file`, replacing its content.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { log: LogFile::new(file.into()) }
    }
}

impl<T: Task> Callback<T> for CsvLogger {
    fn order(&self) -> i32 {
        70
    }

    fn name(&self) -> &'static str {
        "CsvLogger"
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        let metrics = state.history.metric_names.iter().map(String::as_str);
        let names = ["epoch", "train_loss", "valid_loss"].into_iter().chain(metrics);
        let names: Vec<_> = names.chain(["seconds"]).map(quoted).collect();
        let columns = state.history.metric_names.len();
        let head = Some(names.join(","));
        Ok(self.log.begin(head, &state.history, |row| line(row, columns))?)
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        let Some(row) = state.completed_record() else { return Ok(()) };
        Ok(self.log.line(line(row, state.history.metric_names.len()))?)
    }

    fn after_fit(&mut self, _: &mut State<T>) -> Flow {
        self.log.end();
        Ok(())
    }
}

/// Formats a row; values that the epoch lacks are empty.
fn line(row: &EpochRecord, metrics: usize) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, short_number);
    let mut cells = vec![row.epoch.to_string(), number(row.train_loss), number(row.valid_loss)];
    cells.extend((0..metrics).map(|index| number(row.metrics.get(index).copied())));
    cells.push(short_number(row.seconds));
    cells.join(",")
}

/// Quotes a field if it contains commas, quotes or line breaks (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Writes the history as JSON Lines, one object at the end of each epoch.
///
/// The file holds all epochs of the learner, including those of earlier fits and those before a
/// resume.
///
/// ```
/// use fastburn::callbacks::JsonLogger;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("history.jsonl");
/// let mut learn =
///     Learner::new(dls, model, CrossEntropy::new()).metric(accuracy()).callback(JsonLogger::new(&file));
/// learn.fit(1, 1e-3)?;
/// let text = std::fs::read_to_string(&file).unwrap();
/// let row: serde_json::Value = serde_json::from_str(&text).unwrap();
/// assert_eq!(row["valid_loss"], learn.history().epochs[0].valid_loss.unwrap());
/// assert_eq!(row["metrics"]["accuracy"], learn.history().epochs[0].metrics[0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonLogger {
    log: LogFile,
}

impl JsonLogger {
    /// Writes to `file`, replacing its content.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { log: LogFile::new(file.into()) }
    }
}

impl<T: Task> Callback<T> for JsonLogger {
    fn order(&self) -> i32 {
        70
    }

    fn name(&self) -> &'static str {
        "JsonLogger"
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        let names = &state.history.metric_names;
        Ok(self.log.begin(None, &state.history, |row| row.named(names).to_string())?)
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        let Some(row) = state.completed_record() else { return Ok(()) };
        Ok(self.log.line(row.named(&state.history.metric_names).to_string())?)
    }

    fn after_fit(&mut self, _: &mut State<T>) -> Flow {
        self.log.end();
        Ok(())
    }
}

/// A log file with one line per epoch.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    /// The open file and its length in bytes.
    open: Option<(File, u64)>,
}

impl LogFile {
    fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Writes the rows of the epochs so far, such as those before a resume, and keeps the file open
    /// for more.
    fn begin(
        &mut self,
        head: Option<String>,
        history: &History,
        line: impl Fn(&EpochRecord) -> String,
    ) -> Result<()> {
        let lines = head.into_iter().chain(history.epochs.iter().map(line));
        let text: String = lines.map(|line| line + "\n").collect();
        let file = atomic::write_locked(&self.path, text.as_bytes())?;
        self.open = Some((file, text.len() as u64));
        Ok(())
    }

    /// Appends a line, or nothing at all if it cannot be written completely.
    fn line(&mut self, line: String) -> Result<()> {
        let Some((file, length)) = &mut self.open else { return Ok(()) };
        let line = line + "\n";
        if let Err(error) = file.write_all(line.as_bytes()) {
            // A partial row would be read as a row. If truncating fails, nothing more can be done.
            let _ = file.set_len(*length);
            return Err(Error::write(&self.path)(error));
        }
        *length += line.len() as u64;
        Ok(())
    }

    /// Closes the file, which ends its lock: another fit may write it.
    fn end(&mut self) {
        self.open = None;
    }
}
