//! The state of a fit, which callbacks read and change.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use super::loss_history::Losses;
use super::task::Task;
use crate::checkpoints::CheckpointRequest;
use crate::data::{Batch, DataLoaders};
use crate::error::{Error, Result};
use crate::loss::{Loss, Outputs};
use crate::metrics::Metric;
use crate::optim::{Momentum, OptimizerConfig};
use crate::records::{EpochRecord, History, StepRecord, Validation};
use crate::scalars::Scalars;

/// The state of a fit, as its callbacks see it.
///
/// `T` is the [task](Task): the types of model, inputs, outputs and targets.
pub struct State<T: Task> {
    /// `None` only while the optimizer holds the model: with a second handle to it, the optimizer
    /// would copy every parameter.
    pub(super) model: Option<T::Model>,
    pub(super) loss_function: Box<dyn Loss<T::Output, T::Target>>,
    /// How outputs become probabilities, if the user set it.
    pub(super) given_outputs: Option<Outputs>,
    pub(super) metrics: Vec<Box<dyn Metric<T::Output, T::Target>>>,
    pub(super) device: Device,

    /// The data.
    pub dls: DataLoaders<T::Input, T::Target>,
    /// The optimizer, with its state.
    pub optimizer: ModuleOptimizer,
    /// The optimizer's configuration; `None` for one of Burn's own.
    pub(super) optimizer_config: Option<OptimizerConfig>,
    pub(super) optimizer_name: String,
    /// The learning rate of the next step. If layer groups have their own, it is the last group's,
    /// and the others keep their ratio to it.
    pub lr: f64,
    /// The layer groups with their own learning rates, as factors of `lr`; empty for one rate.
    pub(super) factors: Vec<(ParamGroup, f64)>,
    /// The momentum of the next step, if the optimizer has one that can be changed.
    pub momentum: Option<f64>,
    pub(super) next_momentum: Momentum,

    /// The number of epochs of this call of `fit`.
    pub epochs: usize,
    /// The current epoch of this call of `fit`, from 0. Its number in tables, logs and messages is
    /// the [`epoch_number`](Self::epoch_number).
    pub epoch: usize,
    /// Whether the current batch is for training or, if not, for validation.
    pub training: bool,
    /// The number of batches in the current pass.
    pub batches: usize,
    /// The current batch within its pass, from 0.
    pub batch_index: usize,

    /// The number of training batches that this call of `fit` has completed, including skipped
    /// ones.
    pub trained: usize,

    /// The current batch, set from `before_batch` on. The loss uses its targets as they are after
    /// `after_pred`.
    pub batch: Option<Batch<T::Input, T::Target>>,
    /// The model's output, set from `after_pred` on.
    pub output: Option<T::Output>,
    /// The loss, `[1]`, set from `after_loss` on.
    pub loss: Option<Tensor<1>>,
    /// The gradients, set from `after_backward` until the optimizer takes them. Without them there
    /// is no step.
    pub gradients: Option<GradientsParams>,
    /// Whether gradients are being accumulated for a later step. Meanwhile no checkpoint is written
    /// and the fit cannot be interrupted.
    pub accumulating: bool,

    /// The training losses, some of them still on the device.
    pub losses: Losses,
    /// The history recorded so far.
    pub history: History,
    /// The loss of each batch of the last validation pass.
    pub(super) valid_losses: Vec<f32>,
    /// The result of the last validation pass; `None` if it was left early.
    pub validation: Option<Validation>,
    /// The number of epochs in the history when this call of `fit` began.
    pub(super) earlier_rows: usize,
    /// Whether epochs are numbered through all calls of `fit`.
    pub(super) numbers_through: bool,
    /// Whether this call of `fit` stops early and can be resumed; a cancel without this counts as
    /// finished. Set it in `after_batch` or `after_epoch`: a run resumes from its checkpoint after
    /// the batch or the epoch at whose end this was set.
    pub interrupted: bool,
    /// Whether this call of `fit` ends with an error.
    pub failed: bool,
    /// The model to keep at the end of the fit instead of the last step's, with its validation.
    pub(super) chosen: Option<(T::Model, Option<Validation>)>,
    /// The checkpoint to write once all callbacks have handled the current event.
    pub(crate) checkpoint: Option<CheckpointRequest>,

    /// The callbacks' messages about the current epoch, one line each; [`Notes`] prints them.
    ///
    /// [`Notes`]: crate::callbacks::Notes
    pub notes: Vec<String>,
    /// The finished epoch's row, set at `after_epoch`; `None` if nothing was trained or validated.
    pub record: Option<EpochRecord>,
}

impl<T: Task> State<T> {
    /// Creates the state before the first fit. It computes on the model's device.
    pub(super) fn new(
        model: T::Model,
        loss_function: Box<dyn Loss<T::Output, T::Target>>,
        dls: DataLoaders<T::Input, T::Target>,
        optimizer: ModuleOptimizer,
    ) -> Self {
        let device = model.devices().into_iter().next().unwrap_or_default().inner();
        Self {
            model: Some(model),
            loss_function,
            given_outputs: None,
            metrics: Vec::new(),
            device,
            dls,
            optimizer,
            optimizer_config: None,
            optimizer_name: String::new(),
            lr: 0.0,
            factors: Vec::new(),
            momentum: None,
            next_momentum: Momentum::default(),
            epochs: 0,
            epoch: 0,
            training: false,
            batches: 0,
            batch_index: 0,
            trained: 0,
            batch: None,
            output: None,
            loss: None,
            gradients: None,
            accumulating: false,
            losses: Losses::default(),
            history: History::default(),
            valid_losses: Vec::new(),
            validation: None,
            notes: Vec::new(),
            record: None,
            earlier_rows: 0,
            numbers_through: false,
            interrupted: false,
            failed: false,
            chosen: None,
            checkpoint: None,
        }
    }

    /// Returns the model.
    ///
    /// A clone of it shares the running statistics of norms with the model that trains on: Burn
    /// keeps them behind a shared pointer. `model().valid()` is a copy of its own.
    ///
    /// # Panics
    ///
    /// If the optimizer panicked in an earlier step, which took the model with it.
    pub fn model(&self) -> &T::Model {
        self.model.as_ref().expect("only the optimizer's own step takes the model out")
    }

    /// Replaces the model by another one with the same parameters, and returns the previous one.
    ///
    /// # Panics
    ///
    /// See [`model`](Self::model).
    pub fn replace_model(&mut self, model: T::Model) -> T::Model {
        let before = self.model.replace(model);
        before.expect("only the optimizer's own step takes the model out")
    }

    /// Returns the metrics, in the order of their columns.
    pub fn metrics(&self) -> impl Iterator<Item = &dyn Metric<T::Output, T::Target>> {
        self.metrics.iter().map(AsRef::as_ref)
    }

    /// Returns the device on which the model computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Returns the share of this call's training batches that are completed: 0 during the first
    /// batch, 1 after the last one. An epoch whose training was left early counts as a whole one
    /// once the next begins.
    pub fn progress(&self) -> f64 {
        let total = self.epochs * self.dls.train.len();
        self.trained as f64 / total.max(1) as f64
    }

    /// Returns this call's rows so far, including those from before it was resumed.
    pub fn rows(&self) -> &[EpochRecord] {
        self.history.epochs.get(self.earlier_rows..).unwrap_or_default()
    }

    /// Returns the rows of the table that this call's rows belong to: all rows so far if epochs are
    /// [numbered through](crate::learner::Learner::number_epochs_through), this call's otherwise.
    pub fn table_rows(&self) -> &[EpochRecord] {
        self.history.epochs.get(self.earlier_rows - self.first_epoch()..).unwrap_or_default()
    }

    /// Returns the number of this call's first epoch: 0 unless epochs are
    /// [numbered through](crate::learner::Learner::number_epochs_through).
    pub fn first_epoch(&self) -> usize {
        if self.numbers_through { self.earlier_rows } else { 0 }
    }

    /// Returns the number of the current epoch, as in the history.
    pub fn epoch_number(&self) -> usize {
        self.first_epoch() + self.epoch
    }

    /// Returns the optimizer's name, as used in files.
    pub fn optimizer_name(&self) -> &str {
        &self.optimizer_name
    }

    /// Returns the finished epoch's row, unless an error or an interruption ended the epoch early.
    /// Callbacks that compare epochs use this.
    pub fn completed_record(&self) -> Option<&EpochRecord> {
        let is_incomplete = self.failed || self.interrupted && self.validation.is_none();
        self.record.as_ref().filter(|_| !is_incomplete)
    }

    /// Sets the model that the learner keeps after the fit instead of the last step's, such as the
    /// best one, and the result of its validation. It applies however the fit ends. A checkpoint
    /// still holds the last step's model, to resume from.
    pub fn keep_model(&mut self, model: T::Model, validation: Option<Validation>) {
        self.chosen = Some((model, validation));
    }

    /// Refuses to save NaN or infinite weights, whose checkpoint would displace an intact one.
    pub(super) fn check_weights(&self) -> Result<()> {
        let mut sums = ParameterSums::default();
        self.model().visit(&mut sums);
        match sums.0.take()?.into_iter().find(|sum| !sum.is_finite()) {
            None => Ok(()),
            Some(loss) => {
                let Self { batch_index: batch, lr, .. } = *self;
                let epoch = self.epoch_number();
                Err(Error::Diverged { part: "training", loss, epoch, batch, lr })
            }
        }
    }

    /// Returns the current step's record; its losses are filled in when they are read.
    pub(super) fn step_record(&self) -> StepRecord {
        StepRecord {
            epoch: self.epoch_number(),
            batch: self.batch_index,
            lr: self.lr,
            momentum: self.momentum,
            loss: f32::NAN,
            smooth_loss: f64::NAN,
        }
    }

    /// Counts the batch and drops everything that belongs to it.
    pub(super) fn end_batch(&mut self) {
        self.trained += usize::from(self.training);
        (self.batch, self.output, self.loss, self.gradients) = (None, None, None, None);
    }

    /// Moves the training losses from the device to the history and returns the latest smoothed
    /// one. This waits for the device, so call it at most a few times per second.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    pub fn read_losses(&mut self) -> Result<Option<f64>> {
        self.losses.read_into(&mut self.history)
    }
}

/// The sum of each parameter, which is NaN or infinite if one of its values is.
#[derive(Default)]
struct ParameterSums(Scalars);

impl ModuleVisitor for ParameterSums {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().inner().sum());
    }
}
