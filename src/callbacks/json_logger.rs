//! The epoch table as lines of JSON.

use std::path::PathBuf;

use super::log_file::LogFile;
use crate::learner::{Callback, Flow, State};
use crate::models::Model;

/// Writes the history as one JSON object a line, as soon as its epoch is over.
///
/// The file has all epochs of the learner, those of earlier fits and those that a resumed run has
/// behind it too.
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
///     Learner::new(dls, model, cross_entropy).metric(accuracy()).callback(JsonLogger::new(&file));
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
    /// Into that file, in place of what is there.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { log: LogFile::new(file.into()) }
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for JsonLogger {
    fn order(&self) -> i32 {
        70
    }

    fn name(&self) -> &'static str {
        "JsonLogger"
    }

    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        let names = &state.history.metric_names;
        Ok(self.log.begin(None, &state.history, |row| row.named(names).to_string())?)
    }

    fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let Some(row) = state.whole_record() else { return Ok(()) };
        Ok(self.log.line(row.named(&state.history.metric_names).to_string())?)
    }
}
