//! What a run recorded: plain values, no tensor, no device.

use serde::{Deserialize, Serialize};

/// Everything that the recorder wrote down, over all calls of `fit`.
///
/// ```
/// use fastburn::History;
///
/// let history = History::default();
/// assert!(history.epochs.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The metrics' names, in the order of each epoch's values.
    pub metric_names: Vec<String>,
    /// One record an epoch.
    pub epochs: Vec<EpochRecord>,
    /// One record a training step.
    pub steps: Vec<StepRecord>,
}

/// One row of the epoch table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 0 in each call of `fit`.
    pub epoch: usize,
    /// The smoothed training loss at the epoch's end; `None` if no batch was trained.
    pub train_loss: Option<f64>,
    /// The mean loss over the validation set; `None` if the epoch was not validated.
    pub valid_loss: Option<f64>,
    /// The metrics over the validation set; empty if the epoch was not validated.
    pub metrics: Vec<f64>,
    /// How long the epoch took, in seconds.
    pub seconds: f64,
    /// How many training steps the history held at the epoch's end.
    pub steps: usize,
}

/// One training step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The epoch, from 0 in each call of `fit`.
    pub epoch: usize,
    /// The batch within the epoch, from 0.
    pub batch: usize,
    /// The learning rate of the step.
    pub lr: f64,
    /// The batch's loss.
    pub loss: f32,
    /// The loss, smoothed as fastai smooths it.
    pub smooth_loss: f64,
}

/// What a pass over the validation set found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The mean loss, weighted by batch size.
    pub loss: f64,
    /// The metrics, in the order they were given to the learner.
    pub metrics: Vec<f64>,
}
