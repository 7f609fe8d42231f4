//! A checkpoint: the file, and what is in it.

use std::collections::BTreeMap;
use std::path::Path;

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::files::checksummed::{self, FileKind};
use crate::records::{History, StepRecord};

/// How a checkpoint calls itself, and the form that is written here.
const CHECKPOINT: FileKind = FileKind { name: "checkpoint", format_version: 1 };
/// The two things in it that are Burn's own records.
const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";

/// A checkpoint as it was read.
#[derive(Debug)]
pub struct SavedRun {
    file: String,
    pub(crate) position: RunPosition,
    model: Vec<u8>,
    optimizer: Vec<u8>,
    damaged: Vec<Error>,
}

/// Where a run was, but for weights and the optimizer's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunPosition {
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
    #[serde(rename = "remembered")]
    pub event_state: EventState,
}

/// What events may change, and what is therefore taken back behind them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventState {
    pub lr: f64,
    pub momentum: Option<f64>,
    /// What the callbacks remember, by their names, in their order.
    pub callbacks: Vec<(String, Value)>,
}

/// The bytes of a checkpoint; `file` names it in messages.
pub(super) fn seal(
    file: &Path,
    mut position: RunPosition,
    model: ModuleRecord,
    optimizer: OptimizerRecord,
) -> Result<Vec<u8>> {
    let failed = |reason: &dyn std::fmt::Display| {
        Error::write(file)(std::io::Error::other(reason.to_string()))
    };
    let steps = to_columns(&std::mem::take(&mut position.history.steps));
    let Ok(Value::Object(about)) = serde_json::to_value(&position) else {
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
    checksummed::seal(CHECKPOINT, about, &tensors)
}

impl SavedRun {
    /// What the run was told, as its program put it into
    /// [`Checkpoint::settings`](crate::callbacks::Checkpoint::settings).
    pub fn settings(&self) -> &Value {
        &self.position.settings
    }

    /// The file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many steps the run had trained.
    pub fn steps(&self) -> usize {
        self.position.history.steps.len()
    }

    /// What had been recorded.
    pub fn history(&self) -> &History {
        &self.position.history
    }

    /// The newer checkpoints that were passed over, and why.
    pub fn damaged(&self) -> &[Error] {
        &self.damaged
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = checksummed::read(CHECKPOINT, path)?;
        let file = path.display().to_string();
        let sealed = checksummed::open(CHECKPOINT, &file, &bytes)?;
        let failed = |problem: String| Error::file(&file, problem);
        let mut position: RunPosition = serde_json::from_value(sealed.about)
            .map_err(|error| failed(format!("not a checkpoint that can be used: {error}")))?;
        position.history.steps = from_columns(&sealed.tensors).map_err(&failed)?;
        let part = |name| {
            let part = sealed.tensors.tensor(name).map_err(|error| failed(error.to_string()))?;
            Ok(part.data().to_vec())
        };
        let (model, optimizer) = (part(MODEL)?, part(OPTIMIZER)?);
        Ok(Self { position, model, optimizer, damaged: Vec::new(), file: file.clone() })
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
        Error::file(&self.file, problem.to_string())
    }
}

const EPOCH: &str = "steps.epoch";
const BATCH: &str = "steps.batch";
const LR: &str = "steps.lr";
const MOMENTUM: &str = "steps.momentum";
const LOSS: &str = "steps.loss";
const SMOOTH_LOSS: &str = "steps.smooth_loss";

/// Each column's name, type and little-endian values.
pub(super) fn to_columns(steps: &[StepRecord]) -> [(&'static str, Dtype, Vec<u8>); 6] {
    fn column<const N: usize>(
        steps: &[StepRecord],
        value: impl Fn(&StepRecord) -> [u8; N],
    ) -> Vec<u8> {
        steps.iter().flat_map(value).collect()
    }
    [
        (EPOCH, Dtype::U64, column(steps, |step| (step.epoch as u64).to_le_bytes())),
        (BATCH, Dtype::U64, column(steps, |step| (step.batch as u64).to_le_bytes())),
        (LR, Dtype::F64, column(steps, |step| step.lr.to_le_bytes())),
        // NaN stands for an optimizer without.
        (
            MOMENTUM,
            Dtype::F64,
            column(steps, |step| step.momentum.unwrap_or(f64::NAN).to_le_bytes()),
        ),
        (LOSS, Dtype::F32, column(steps, |step| step.loss.to_le_bytes())),
        (SMOOTH_LOSS, Dtype::F64, column(steps, |step| step.smooth_loss.to_le_bytes())),
    ]
}

/// The steps in a file's columns, or what keeps them from being read.
pub(super) fn from_columns(tensors: &SafeTensors<'_>) -> Result<Vec<StepRecord>, String> {
    fn column<'a, const N: usize>(
        tensors: &SafeTensors<'a>,
        name: &str,
        dtype: Dtype,
    ) -> Result<&'a [[u8; N]], String> {
        let tensor = tensors.tensor(name).map_err(|error| error.to_string())?;
        if tensor.dtype() != dtype {
            return Err(format!("{name} is of {:?}, expected {dtype:?}", tensor.dtype()));
        }
        Ok(tensor.data().as_chunks().0)
    }
    let epochs = column(tensors, EPOCH, Dtype::U64)?;
    let batches = column(tensors, BATCH, Dtype::U64)?;
    let lrs = column(tensors, LR, Dtype::F64)?;
    let momenta = column(tensors, MOMENTUM, Dtype::F64)?;
    let losses = column(tensors, LOSS, Dtype::F32)?;
    let smooth_losses = column(tensors, SMOOTH_LOSS, Dtype::F64)?;
    let lengths = [batches.len(), lrs.len(), momenta.len(), losses.len(), smooth_losses.len()];
    if lengths != [epochs.len(); 5] {
        return Err("its columns of steps differ in length".to_owned());
    }
    let step = |index: usize| StepRecord {
        epoch: u64::from_le_bytes(epochs[index]) as usize,
        batch: u64::from_le_bytes(batches[index]) as usize,
        lr: f64::from_le_bytes(lrs[index]),
        momentum: Some(f64::from_le_bytes(momenta[index])).filter(|momentum| !momentum.is_nan()),
        loss: f32::from_le_bytes(losses[index]),
        smooth_loss: f64::from_le_bytes(smooth_losses[index]),
    };
    Ok((0..epochs.len()).map(step).collect())
}
