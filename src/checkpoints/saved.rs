//! A checkpoint: the file, and what is in it.

use std::collections::BTreeMap;
use std::path::Path;

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::steps;
use crate::error::{Error, Result};
use crate::history::History;
use crate::sealed::{self, Kind};

/// How a checkpoint calls itself, and the form that is written here.
const CHECKPOINT: Kind = Kind { name: "checkpoint", format_version: 1 };
/// The two things in it that are Burn's own records.
const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";

/// A checkpoint as it was read.
#[derive(Debug)]
pub struct Saved {
    file: String,
    pub(crate) progress: Progress,
    model: Vec<u8>,
    optimizer: Vec<u8>,
    damaged: Vec<Error>,
}

/// Where a run was, but for weights and the optimizer's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// What the run was told, in its program's own words.
    pub settings: Value,
    /// What the learner is made of: with other parts the run cannot go on.
    pub made_of: Map<String, Value>,
    /// How many calls of `fit` were over before this one.
    pub fit: usize,
    /// Whether this one is over as well.
    pub finished: bool,
    /// What this call was given.
    pub epochs: usize,
    pub given_lr: f64,
    /// The epoch to go on with, and its first batch that is not trained.
    pub epoch: usize,
    pub batch: usize,
    /// The number of the epoch's order: how many epochs all calls of `fit` trained before it.
    pub order: usize,
    /// How many batches this call has trained.
    pub trained: usize,
    /// The average that the smoothed loss comes from, and of how many.
    pub average: f64,
    pub count: i32,
    /// How many epochs' rows are of earlier calls of `fit`.
    pub earlier_rows: usize,
    pub history: History,
    pub remembered: Remembered,
}

/// What events may change, and what is therefore taken back behind them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub lr: f64,
    pub momentum: Option<f64>,
    /// What the callbacks remember, by their names, in their order.
    pub callbacks: Vec<(String, Value)>,
}

/// The bytes of a checkpoint; `file` names it in messages.
pub(super) fn seal(
    file: &Path,
    mut progress: Progress,
    model: ModuleRecord,
    optimizer: OptimizerRecord,
) -> Result<Vec<u8>> {
    let failed = |reason: &dyn std::fmt::Display| {
        Error::write(file)(std::io::Error::other(reason.to_string()))
    };
    let steps = steps::to_columns(&std::mem::take(&mut progress.history.steps));
    let Ok(Value::Object(about)) = serde_json::to_value(&progress) else {
        return Err(failed(&"its settings are no JSON"));
    };
    let model = model.into_bytes().map_err(|error| failed(&error))?;
    let optimizer = optimizer.into_bytes().map_err(|error| failed(&error))?;
    let mut tensors = BTreeMap::new();
    for (name, bytes) in [(MODEL, &model), (OPTIMIZER, &optimizer)] {
        let bytes: &[u8] = bytes;
        tensors.insert(name.to_owned(), (Dtype::U8, vec![bytes.len()], bytes));
    }
    for (name, dtype, bytes) in &steps {
        let shape = vec![bytes.len() / (dtype.bitsize() / 8)];
        tensors.insert((*name).to_owned(), (*dtype, shape, bytes.as_slice()));
    }
    sealed::seal(CHECKPOINT, about, &tensors)
}

impl Saved {
    /// What the run was told, as its program put it into
    /// [`Checkpoint::settings`](crate::learner::Checkpoint::settings).
    pub fn settings(&self) -> &Value {
        &self.progress.settings
    }

    /// The file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many steps the run had trained.
    pub fn steps(&self) -> usize {
        self.progress.history.steps.len()
    }

    /// What had been recorded.
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// The newer checkpoints that were passed over, and why.
    pub fn damaged(&self) -> &[Error] {
        &self.damaged
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = sealed::read(CHECKPOINT, path)?;
        let file = path.display().to_string();
        let sealed = sealed::open(CHECKPOINT, &file, &bytes)?;
        let failed = |problem: String| Error::File { file: file.clone(), problem };
        let mut progress: Progress = serde_json::from_value(sealed.about)
            .map_err(|error| failed(format!("not a checkpoint that can be used: {error}")))?;
        progress.history.steps = steps::from_columns(&sealed.tensors).map_err(&failed)?;
        let part = |name| {
            let part = sealed.tensors.tensor(name).map_err(|error| failed(error.to_string()))?;
            Ok(part.data().to_vec())
        };
        let (model, optimizer) = (part(MODEL)?, part(OPTIMIZER)?);
        Ok(Self { progress, model, optimizer, damaged: Vec::new(), file: file.clone() })
    }

    /// With the newer ones that are damaged.
    pub(super) fn behind(self, damaged: Vec<Error>) -> Self {
        Self { damaged, ..self }
    }

    pub(crate) fn model(&self) -> Result<ModuleRecord> {
        let bytes = Bytes::from_bytes_vec(self.model.clone());
        ModuleRecord::from_bytes(bytes).map_err(|error| self.error(&error))
    }

    pub(crate) fn optimizer(&self) -> Result<OptimizerRecord> {
        let bytes = Bytes::from_bytes_vec(self.optimizer.clone());
        OptimizerRecord::from_bytes(bytes).map_err(|error| self.error(&error))
    }

    /// An error about this checkpoint.
    pub(crate) fn error(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::File { file: self.file.clone(), problem: problem.to_string() }
    }
}
