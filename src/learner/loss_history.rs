//! Training losses between the device and the history.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::records::{History, StepRecord};
use crate::scalars::Scalars;

/// fastai's smoothing factor: the weight of the previous average.
const MOMENTUM: f64 = 0.98;

/// Training losses, kept on the device until they are read.
#[derive(Debug, Default)]
pub struct Losses {
    waiting: Scalars,
    /// The step of each waiting loss, with the losses not yet filled in.
    steps: Vec<StepRecord>,
    average: f64,
    count: i32,
}

impl Losses {
    /// Restores what [`average`](Self::average) returned.
    pub(super) fn resumed((average, count): (f64, i32)) -> Self {
        Self { average, count, ..Self::default() }
    }

    /// Returns the average behind the smoothed loss and its number of losses, as of the last read.
    pub(super) fn average(&self) -> (f64, i32) {
        (self.average, self.count)
    }

    /// Adds the loss of a step; the losses in `step` are filled in when they are read.
    pub(super) fn push(&mut self, loss: Tensor<1>, step: StepRecord) {
        self.waiting.push(loss);
        self.steps.push(step);
    }

    /// Returns the number of losses that have not been read.
    pub(super) fn waiting(&self) -> usize {
        self.steps.len()
    }

    /// Returns the smoothed loss as of the last read; `None` before the first.
    pub fn smooth(&self) -> Option<f64> {
        // The average starts at 0. Dividing by the sum of the losses' weights removes that bias.
        (self.count > 0).then(|| self.average / (1.0 - MOMENTUM.powi(self.count)))
    }

    pub(super) fn read_into(&mut self, history: &mut History) -> Result<Option<f64>> {
        let steps = std::mem::take(&mut self.steps);
        for (loss, step) in self.waiting.take()?.into_iter().zip(steps) {
            self.average = f64::from(loss) * (1.0 - MOMENTUM) + self.average * MOMENTUM;
            self.count += 1;
            let smooth_loss = self.smooth().unwrap_or_default();
            history.steps.push(StepRecord { loss, smooth_loss, ..step });
        }
        Ok(self.smooth())
    }
}
