//! What a fit works on: callbacks read it and change it.

use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use super::losses::Losses;
use crate::data::{Batch, DataLoaders};
use crate::error::Result;
use crate::history::{History, Validation};
use crate::metrics::Metric;
use crate::models::Model;

/// A loss function: a batch's outputs and targets to their loss, `[1]`.
pub(super) type LossFunction<O, T> = Box<dyn Fn(O, T) -> Result<Tensor<1>>>;

/// Everything that a fit works on, as its callbacks see it.
///
/// `M` is the model, `I` what goes into it, `T` the targets.
pub struct State<M: Model<I>, I, T> {
    /// Out only while the optimizer has it: a second handle would make it copy every parameter.
    pub(super) model: Option<M>,
    pub(super) loss_function: LossFunction<M::Output, T>,
    pub(super) metrics: Vec<Box<dyn Metric<M::Output, T>>>,
    pub(super) device: Device,

    /// The data.
    pub dls: DataLoaders<I, T>,
    /// The optimizer, with its state.
    pub optimizer: ModuleOptimizer,
    /// The learning rate of the next step.
    pub lr: f64,

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

    /// The batch at hand, from `before_batch` on.
    pub batch: Option<Batch<I, T>>,
    /// What the model made of it, from `after_pred` on.
    pub output: Option<M::Output>,
    /// The loss, `[1]`, from `after_loss` on.
    pub loss: Option<Tensor<1>>,
    /// The gradients, from `after_backward` on until the optimizer takes them.
    pub gradients: Option<GradientsParams>,

    /// The training losses, some of them still on the device.
    pub losses: Losses,
    /// What has been recorded so far.
    pub history: History,
    /// What the last validation pass found.
    pub validation: Option<Validation>,
}

impl<M: Model<I>, I, T> State<M, I, T> {
    /// The model.
    pub fn model(&self) -> &M {
        self.model.as_ref().expect("only the optimizer's own step takes the model out")
    }

    /// Where the model computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How far this call of `fit` is, in trained batches of all epochs: from 0 to 1.
    pub fn progress(&self) -> f64 {
        let of_epoch =
            if self.training { self.batch_index as f64 / self.batches.max(1) as f64 } else { 1.0 };
        (self.epoch as f64 + of_epoch) / self.epochs.max(1) as f64
    }

    /// The optimizer's step, which takes the model by value and gives it back.
    pub(super) fn step(&mut self) {
        if let Some(gradients) = self.gradients.take() {
            let step = |model| self.optimizer.step(self.lr, model, gradients);
            self.model = self.model.take().map(step);
        }
    }

    /// Lets go of everything that belongs to one batch.
    pub(super) fn forget_batch(&mut self) {
        (self.batch, self.output, self.loss, self.gradients) = (None, None, None, None);
    }

    /// Moves the training losses that wait on the device into the history, and gives the newest
    /// smoothed one. This waits for the device, so call it a few times a second at most.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`](crate::Error::Diverged) if one is NaN or infinite,
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    pub fn read_losses(&mut self) -> Result<Option<f64>> {
        self.losses.read_into(&mut self.history)
    }
}
