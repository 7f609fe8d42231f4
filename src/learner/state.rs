//! What a fit works on: callbacks read it and change it.

use burn::module::ParamGroup;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use super::losses::Losses;
use crate::checkpoints::CheckpointRequest;
use crate::checks::one_number;
use crate::data::{Batch, DataLoaders};
use crate::error::{Error, Result};
use crate::loss::{Loss, Outputs};
use crate::metrics::Metric;
use crate::models::Model;
use crate::optim::{Momentum, OptimizerConfig};
use crate::records::{EpochRecord, History, StepRecord, Validation};

/// Everything that a fit works on, as its callbacks see it.
///
/// `M` is the model, `I` what goes into it, `T` the targets.
pub struct State<M: Model<I>, I, T> {
    /// Out only while the optimizer has it: a second handle would make it copy every parameter.
    pub(super) model: Option<M>,
    pub(super) loss_function: Box<dyn Loss<M::Output, T>>,
    /// How outputs become probabilities, if the user says so.
    pub(super) given_outputs: Option<Outputs>,
    pub(super) metrics: Vec<Box<dyn Metric<M::Output, T>>>,
    pub(super) device: Device,

    /// The data.
    pub dls: DataLoaders<I, T>,
    /// The optimizer, with its state.
    pub optimizer: ModuleOptimizer,
    /// Which one it is, if not one of Burn's own.
    pub(super) optimizer_config: Option<OptimizerConfig>,
    /// The learning rate of the next step; where layer groups have their own, the last one's, of
    /// which the others keep their shares.
    pub lr: f64,
    /// Layer groups that have a rate of their own, as a factor of that one.
    pub(super) factors: Vec<(ParamGroup, f64)>,
    /// The momentum of the next step, if the optimizer has one that can change.
    pub momentum: Option<f64>,
    pub(super) next_momentum: Momentum,

    /// How many epochs this call of `fit` has.
    pub epochs: usize,
    /// The epoch at hand, from 0.
    pub epoch: usize,
    /// Whether the batch at hand is for training; if not, for validation.
    pub training: bool,
    /// How many batches the part at hand has.
    pub batches: usize,
    /// The batch at hand within its part, from 0.
    pub batch_index: usize,

    /// How many training batches of this call of `fit` are behind it, those included that were left
    /// out.
    pub trained: usize,

    /// The batch at hand, from `before_batch` on.
    pub batch: Option<Batch<I, T>>,
    /// What the model made of it, from `after_pred` on.
    pub output: Option<M::Output>,
    /// The loss, `[1]`, from `after_loss` on.
    pub loss: Option<Tensor<1>>,
    /// The gradients, from `after_backward` on until the optimizer takes them; without any there is
    /// no step.
    pub gradients: Option<GradientsParams>,
    /// Whether gradients of earlier batches wait for more before there is a step. Meanwhile no
    /// checkpoint is written, and nothing ends the fit from outside.
    pub accumulating: bool,

    /// The training losses, some of them still on the device.
    pub losses: Losses,
    /// What has been recorded so far.
    pub history: History,
    /// The loss of each batch of the last validation pass.
    pub(super) valid_losses: Vec<f32>,
    /// What the last validation pass found; `None` if it was left early.
    pub validation: Option<Validation>,
    /// How many epochs' rows the history held when this call of `fit` began.
    pub(super) earlier_rows: usize,
    /// Whether this call of `fit` ends from outside, to be gone on with later; a cancel by itself
    /// makes it a finished one. A checkpoint goes on behind the batch or the epoch at whose end it
    /// was set, so set it at `after_batch` or `after_epoch`.
    pub interrupted: bool,
    /// Whether this call of `fit` ends with an error.
    pub failed: bool,
    /// The model that the learner is to end up with, and what its validation found.
    pub(super) chosen: Option<(M, Option<Validation>)>,
    /// Where a checkpoint is to be written as soon as all callbacks have heard of the event.
    pub(crate) checkpoint: Option<CheckpointRequest>,

    /// What callbacks have to say of the epoch at hand, a line each; [`Notes`] prints them.
    ///
    /// [`Notes`]: crate::callbacks::Notes
    pub notes: Vec<String>,
    /// The row of the epoch that is over, at `after_epoch`; `None` if it trained and validated
    /// nothing.
    pub record: Option<EpochRecord>,
}

impl<M: Model<I>, I, T> State<M, I, T> {
    /// Before the first fit; it computes on the model's device.
    pub(super) fn new(
        model: M,
        loss_function: Box<dyn Loss<M::Output, T>>,
        dls: DataLoaders<I, T>,
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
            interrupted: false,
            failed: false,
            chosen: None,
            checkpoint: None,
        }
    }

    /// The model.
    ///
    /// # Panics
    ///
    /// If the optimizer panicked in an earlier step, which took the model with it.
    pub fn model(&self) -> &M {
        self.model.as_ref().expect("only the optimizer's own step takes the model out")
    }

    /// Puts another model of the same parameters in its place, and gives the one that was there.
    ///
    /// # Panics
    ///
    /// As [`model`](Self::model).
    pub fn replace_model(&mut self, model: M) -> M {
        let before = self.model.replace(model);
        before.expect("only the optimizer's own step takes the model out")
    }

    /// Where the model computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How far this call of `fit` is, in training batches of all epochs: 0 before the first is
    /// over, 1 behind the last. An epoch whose training was left early counts as a whole one once
    /// the next begins.
    pub fn progress(&self) -> f64 {
        let total = self.epochs * self.dls.train.len();
        self.trained as f64 / total.max(1) as f64
    }

    /// The rows that this call of `fit` has behind it already, when a resumed one begins.
    pub fn rows(&self) -> &[EpochRecord] {
        self.history.epochs.get(self.earlier_rows..).unwrap_or_default()
    }

    /// The optimizer, by the name that it has in files.
    pub(super) fn optimizer_name(&self) -> &'static str {
        self.optimizer_config.map_or("Burn's own", |config| config.kind().name())
    }

    /// The row of the epoch that is over, unless it was broken off by an error or from outside, to be
    /// gone on with: what counts for a callback that compares epochs.
    pub fn whole_record(&self) -> Option<&EpochRecord> {
        let broken_off = self.failed || self.interrupted && self.validation.is_none();
        self.record.as_ref().filter(|_| !broken_off)
    }

    /// Has the learner end up with another model than the last step's, such as the best one, with
    /// what its validation found, however the fit ends. A checkpoint still holds the last step's, to
    /// go on from.
    pub fn end_with(&mut self, model: M, validation: Option<Validation>) {
        self.chosen = Some((model, validation));
    }

    /// Refuses a loss that is not one number, and one that no gradient can come from.
    pub(super) fn check_loss(&self) -> Result<()> {
        let Some(loss) = &self.loss else { return Ok(()) };
        one_number("the loss", loss)?;
        if self.training && !loss.is_tracked() {
            return Err(Error::compute(
                "compute gradients",
                "the loss does not depend on any parameter that learns: all are frozen, or the \
                 loss function detached its result",
            ));
        }
        Ok(())
    }

    /// What is known of the step at hand; its losses are filled in when they are read.
    pub(super) fn step_record(&self) -> StepRecord {
        StepRecord {
            epoch: self.epoch,
            batch: self.batch_index,
            lr: self.lr,
            momentum: self.momentum,
            loss: f32::NAN,
            smooth_loss: f64::NAN,
        }
    }

    /// Counts the batch, and lets go of everything that belongs to it.
    pub(super) fn end_batch(&mut self) {
        self.trained += usize::from(self.training);
        (self.batch, self.output, self.loss, self.gradients) = (None, None, None, None);
    }

    /// Moves the training losses that wait on the device into the history, and gives the newest
    /// smoothed one. This waits for the device, so call it a few times a second at most.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    pub fn read_losses(&mut self) -> Result<Option<f64>> {
        self.losses.read_into(&mut self.history)
    }
}
