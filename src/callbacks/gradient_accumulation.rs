//! Steps on several batches together.

use std::num::NonZeroUsize;

use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::checks;
use crate::error::Result;
use crate::learner::{Callback, Flow, MapGradient, State};
use crate::models::Model;

/// Has one step for several batches, with the gradient that one batch of all their items would have
/// had, to rounding: for batches that do not fit into memory. fastai's `GradientAccumulation`,
/// which counts items.
///
/// The last batch of an epoch makes a step of what is left; an epoch whose training is left before
/// that lets it go. The loss must be the mean over its batch. `after_step` is told of each batch;
/// only where there are [`gradients`](State::gradients) before it, there was a step.
///
/// ```
/// use fastburn::callbacks::GradientAccumulation;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(16, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let batches = std::num::NonZero::new(4).unwrap(); // 64 images a step
/// let mut learn =
///     Learner::new(dls, model, cross_entropy).callback(GradientAccumulation::new(batches));
/// learn.fit(1, 1e-3)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct GradientAccumulation {
    batches: NonZeroUsize,
    /// The sum of the gradients so far, each times its batch's items.
    gathered: Option<GradientsParams>,
    of_batches: usize,
    of_items: usize,
}

impl GradientAccumulation {
    /// A step for each that many batches.
    pub fn new(batches: NonZeroUsize) -> Self {
        Self { batches, gathered: None, of_batches: 0, of_items: 0 }
    }

    fn begin(&mut self) {
        (self.gathered, self.of_batches, self.of_items) = (None, 0, 0);
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for GradientAccumulation {
    fn name(&self) -> &'static str {
        "GradientAccumulation"
    }

    fn changes_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "batches": self.batches })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("GradientAccumulation", &Callback::<M, I, T>::save(self), saved)
    }

    /// What an epoch that was left early had gathered is let go.
    fn after_train(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.begin();
        state.accumulating = false;
        Ok(())
    }

    fn after_backward(&mut self, state: &mut State<M, I, T>) -> Flow {
        let items = state.batch.as_ref().map_or(0, |batch| batch.len);
        // A loss is the mean over its batch, so that larger batches count for more.
        state.map_gradients(&mut Times(items as f64));
        if let Some(gathered) = self.gathered.take() {
            state.add_gradients(gathered);
        }
        self.of_batches += 1;
        self.of_items += items;
        let is_last = state.batch_index + 1 == state.batches;
        state.accumulating = self.of_batches < self.batches.get() && !is_last;
        if state.accumulating {
            self.gathered = state.gradients.take();
        } else {
            state.map_gradients(&mut Times(1.0 / self.of_items as f64));
            self.begin();
        }
        Ok(())
    }
}

struct Times(f64);

impl MapGradient for Times {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        gradient.mul_scalar(self.0)
    }
}
