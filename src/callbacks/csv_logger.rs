//! The epoch table as a CSV file.

use std::path::PathBuf;

use super::log_file::LogFile;
use crate::history::EpochRecord;
use crate::learner::{Callback, Flow, State};
use crate::models::Model;

/// Writes the history as comma-separated values, a line as soon as its epoch is over: fastai's
/// `CSVLogger`.
///
/// The file has all epochs of the learner, those of earlier fits and those that a resumed run has
/// behind it too. Numbers have all their digits; `seconds` is what the epoch took.
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
///     Learner::new(dls, model, cross_entropy).metric(accuracy()).callback(CsvLogger::new(&file));
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
    /// Into that file, in place of what is there.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { log: LogFile::new(file.into()) }
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for CsvLogger {
    fn order(&self) -> i32 {
        70
    }

    fn name(&self) -> &'static str {
        "CsvLogger"
    }

    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        let metrics = state.history.metric_names.iter().map(String::as_str);
        let names = ["epoch", "train_loss", "valid_loss"].into_iter().chain(metrics);
        let names: Vec<_> = names.chain(["seconds"]).map(quoted).collect();
        let columns = state.history.metric_names.len();
        let head = Some(names.join(","));
        Ok(self.log.begin(head, &state.history, |row| line(row, columns))?)
    }

    fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let Some(row) = state.whole_record() else { return Ok(()) };
        Ok(self.log.line(line(row, state.history.metric_names.len()))?)
    }
}

/// What an epoch lacks is left empty.
fn line(row: &EpochRecord, metrics: usize) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let mut cells = vec![row.epoch.to_string(), number(row.train_loss), number(row.valid_loss)];
    cells.extend((0..metrics).map(|index| number(row.metrics.get(index).copied())));
    cells.push(row.seconds.to_string());
    cells.join(",")
}

/// A text that may have commas or quotes in it (RFC 4180).
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
