//! Gradient accumulation.

use std::num::NonZeroUsize;

use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::checks;
use crate::error::Result;
use crate::learner::{Callback, Flow, MapGradient, State, Task};

/// Accumulates gradients over several batches per step, for batches that do not fit in memory:
/// fastai's `GradientAccumulation`, which counts items instead of batches. Up to rounding, the
/// gradient is that of a single batch with all the items.
///
/// The last batch of an epoch always ends with a step. If training is left before, the accumulated
/// gradients are dropped. The loss must be the mean over its batch. `after_step` is called for each
/// batch; a step was taken only if there were [`gradients`](State::gradients) before it.
///
/// ```
/// use fastburn::callbacks::GradientAccumulation;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(16, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let batches = std::num::NonZero::new(4).unwrap(); // 64 images per step
/// let mut learn =
///     Learner::new(dls, model, CrossEntropy::new()).callback(GradientAccumulation::new(batches));
/// learn.fit(1, 1e-3)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct GradientAccumulation {
    batches: NonZeroUsize,
    /// The sum of the gradients so far, each multiplied by the number of items in its batch.
    sum: Option<GradientsParams>,
    batch_count: usize,
    item_count: usize,
}

impl GradientAccumulation {
    /// Takes one step per `batches` batches.
    pub fn new(batches: NonZeroUsize) -> Self {
        Self { batches, sum: None, batch_count: 0, item_count: 0 }
    }

    fn reset(&mut self) {
        (self.sum, self.batch_count, self.item_count) = (None, 0, 0);
    }
}

impl<T: Task> Callback<T> for GradientAccumulation {
    fn name(&self) -> &'static str {
        "GradientAccumulation"
    }

    fn affects_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "batches": self.batches })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("GradientAccumulation", &Callback::<T>::save(self), saved)
    }

    /// Drops gradients left over from an epoch that was left early.
    fn after_train(&mut self, state: &mut State<T>) -> Flow {
        self.reset();
        state.accumulating = false;
        Ok(())
    }

    fn after_backward(&mut self, state: &mut State<T>) -> Flow {
        let items = state.batch.as_ref().map_or(0, |batch| batch.len);
        // Each loss is the mean over its batch, so a batch is weighted by its number of items.
        state.map_gradients(&mut Times(items as f64));
        if let Some(sum) = self.sum.take() {
            state.add_gradients(sum);
        }
        self.batch_count += 1;
        self.item_count += items;
        let is_last = state.batch_index + 1 == state.batches;
        state.accumulating = self.batch_count < self.batches.get() && !is_last;
        if state.accumulating {
            self.sum = state.gradients.take();
        } else {
            state.map_gradients(&mut Times(1.0 / self.item_count as f64));
            self.reset();
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
