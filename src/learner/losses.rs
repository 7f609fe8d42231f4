//! The training losses on their way from the device to the history.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::records::{History, StepRecord};
use crate::scalars::Scalars;

/// fastai's smoothing: how much of the average each new loss leaves.
const MOMENTUM: f64 = 0.98;

/// Training losses, waiting on the device until somebody reads them.
#[derive(Debug, Default)]
pub struct Losses {
    waiting: Scalars,
    /// The step of each that waits, without its losses.
    steps: Vec<StepRecord>,
    average: f64,
    count: i32,
}

impl Losses {
    /// As they were when [`average`](Self::average) gave this.
    pub(super) fn resumed((average, count): (f64, i32)) -> Self {
        Self { average, count, ..Self::default() }
    }

    /// What the smoothed loss comes from as of the last read, and from how many losses.
    pub(super) fn average(&self) -> (f64, i32) {
        (self.average, self.count)
    }

    /// Takes the loss of a step, whose record has all but that.
    pub(super) fn push(&mut self, loss: Tensor<1>, step: StepRecord) {
        self.waiting.push(loss);
        self.steps.push(step);
    }

    /// The smoothed loss as of the last read; `None` before the first.
    pub fn smooth(&self) -> Option<f64> {
        // The average starts at 0; dividing by the weight it has gathered undoes that.
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
