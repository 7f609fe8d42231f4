//! The file format of a checkpoint, and its contents.

use std::collections::BTreeMap;
use std::path::Path;

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::records::Records;
use crate::error::{Error, Result};
use crate::files::checksummed::{self, FileKind};
use crate::records::{History, StepRecord};

/// The kind of file, and the format version that is written here.
const CHECKPOINT: FileKind = FileKind { name: "checkpoint", format_version: 1 };

/// A checkpoint that was read from its file.
#[derive(Debug)]
pub struct SavedRun {
    file: String,
    pub(crate) position: RunPosition,
    records: Records,
    damaged: Vec<Error>,
}

/// The position of a run: its state except the weights and the optimizer's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunPosition {
    /// The run's settings, in the program's own format.
    pub settings: Value,
    /// The parts of the learner that must be the same to resume.
    pub made_of: Map<String, Value>,
    /// The number of calls of `fit` that finished before this one.
    pub fit: usize,
    /// Whether this call is finished as well.
    pub finished: bool,
    /// The arguments of this call.
    pub epochs: usize,
    pub given_lr: f64,
    /// The epoch to resume, and its first batch that has not been trained.
    pub epoch: usize,
    pub batch: usize,
    /// The number of epochs trained before it in all calls of `fit`, which selects its order.
    pub order: usize,
    /// The number of batches that this call has trained.
    pub trained: usize,
    /// The average behind the smoothed loss, and the number of losses in it.
    pub average: f64,
    pub count: i32,
    /// The number of epochs in the history from earlier calls of `fit`.
    pub earlier_rows: usize,
    pub history: History,
    #[serde(rename = "remembered")]
    pub event_state: EventState,
}

impl RunPosition {
    /// Returns whether a call of `fit` with `epochs` epochs has nothing left to do.
    pub fn is_over(&self, epochs: usize) -> bool {
        self.finished && epochs <= self.epochs
    }
}

/// The state that events may change. It is restored after events are repeated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventState {
    pub lr: f64,
    pub momentum: Option<f64>,
    /// The callbacks' saved states, by name, in the callbacks' order.
    pub callbacks: Vec<(String, Value)>,
}

/// Returns the bytes of a checkpoint; `file` names it in messages.
pub(super) fn seal(
    file: &Path,
    mut position: RunPosition,
    model: ModuleRecord,
    optimizer: OptimizerRecord,
) -> Result<Vec<u8>> {
    let failed = |problem: String| Error::write(file)(std::io::Error::other(problem));
    let steps = to_columns(&std::mem::take(&mut position.history.steps));
    let Ok(Value::Object(about)) = serde_json::to_value(&position) else {
        return Err(failed("the state of the run cannot be stored as JSON".to_owned()));
    };
    let records = Records::new(model, optimizer).map_err(failed)?;
    let mut tensors: BTreeMap<_, _> = records.entries().collect();
    for (name, dtype, bytes) in &steps {
        let shape = vec![bytes.len() / (dtype.bitsize() / 8)];
        tensors.insert((*name).to_owned(), (*dtype, shape, bytes.as_slice()));
    }
    checksummed::seal(CHECKPOINT, about, &tensors)
}

impl SavedRun {
    /// Returns the run's settings, as its program passed them to
    /// [`Checkpoint::settings`](crate::callbacks::Checkpoint::settings).
    pub fn settings(&self) -> &Value {
        &self.position.settings
    }

    /// Returns the path of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the number of steps that the run had trained.
    pub fn steps(&self) -> usize {
        self.position.history.steps.len()
    }

    /// Returns the recorded history.
    pub fn history(&self) -> &History {
        &self.position.history
    }

    /// Returns the errors of the newer checkpoints that were skipped as damaged.
    pub fn damaged(&self) -> &[Error] {
        &self.damaged
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = checksummed::read(CHECKPOINT, path)?;
        let file = path.display().to_string();
        let sealed = checksummed::open(CHECKPOINT, &file, &bytes)?;
        let failed = |problem: String| Error::file(&file, problem);
        let mut position: RunPosition = serde_json::from_value(sealed.about)
            .map_err(|error| failed(format!("invalid checkpoint: {error}")))?;
        position.history.steps = from_columns(&sealed.tensors).map_err(&failed)?;
        let records = Records::read(&sealed.tensors).map_err(failed)?;
        Ok(Self { position, records, damaged: Vec::new(), file: file.clone() })
    }

    /// Sets the errors of newer, damaged checkpoints.
    pub(super) fn with_damaged(self, damaged: Vec<Error>) -> Self {
        Self { damaged, ..self }
    }

    pub(crate) fn model(&self) -> Result<ModuleRecord> {
        self.records.model(&self.file)
    }

    pub(crate) fn optimizer(&self) -> Result<OptimizerRecord> {
        self.records.optimizer(&self.file)
    }

    /// Returns an error about this checkpoint.
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

/// Returns each column's name, type and little-endian values.
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
        // NaN stands for an optimizer without momentum.
        (
            MOMENTUM,
            Dtype::F64,
            column(steps, |step| step.momentum.unwrap_or(f64::NAN).to_le_bytes()),
        ),
        (LOSS, Dtype::F32, column(steps, |step| step.loss.to_le_bytes())),
        (SMOOTH_LOSS, Dtype::F64, column(steps, |step| step.smooth_loss.to_le_bytes())),
    ]
}

/// Returns the steps in a file's columns, or the problem with these.
pub(super) fn from_columns(tensors: &SafeTensors<'_>) -> Result<Vec<StepRecord>, String> {
    fn column<'a, const N: usize>(
        tensors: &SafeTensors<'a>,
        name: &str,
        dtype: Dtype,
    ) -> Result<&'a [[u8; N]], String> {
        let tensor = tensors.tensor(name).map_err(|error| error.to_string())?;
        if tensor.dtype() != dtype {
            return Err(format!("tensor {name}: expected {dtype:?}, found {:?}", tensor.dtype()));
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
        return Err("the columns of the steps differ in length".to_owned());
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
