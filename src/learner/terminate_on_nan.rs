//! Ends a fit at a NaN or infinite loss.

use std::time::{Duration, Instant};

use super::callback::{Callback, Flow};
use super::state::State;
use super::task::Task;
use crate::error::{Error, Result};
use crate::records::StepRecord;

/// The time between reads of the losses within an epoch. Each read waits for the device.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Ends the fit with [`Error::Diverged`] if a loss is NaN or infinite. Training losses are checked
/// about once per second, and all losses at the end of each pass. Every learner has it;
/// [`without`](super::Learner::without)`("TerminateOnNan")` removes it.
///
/// ```
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).optimizer(OptimizerKind::Sgd);
/// assert!(matches!(learn.fit(1, 1e30), Err(Error::Diverged { .. })));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TerminateOnNan {
    /// The number of steps in the history that have been checked.
    checked: usize,
    last_read: Option<Instant>,
}

impl TerminateOnNan {
    /// Checks the new steps in the history, and removes those from the first one at fault on.
    fn check<T: Task>(&mut self, state: &mut State<T>) -> Result<()> {
        let steps = &mut state.history.steps;
        let new = steps.iter().enumerate().skip(self.checked);
        let bad = new.map(|(index, step)| (index, *step)).find(|(_, s)| !s.loss.is_finite());
        if let Some((index, StepRecord { epoch, batch, lr, loss, .. })) = bad {
            steps.truncate(index);
            return Err(Error::Diverged { part: "training", loss, epoch, batch, lr });
        }
        self.checked = steps.len();
        Ok(())
    }
}

impl<T: Task> Callback<T> for TerminateOnNan {
    /// After the recorder, which reads the losses.
    fn order(&self) -> i32 {
        -45
    }

    fn name(&self) -> &'static str {
        "TerminateOnNan"
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        self.checked = state.history.steps.len();
        Ok(())
    }

    fn before_train(&mut self, _: &mut State<T>) -> Flow {
        self.last_read = Some(Instant::now());
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        let due = self.last_read.is_some_and(|last| last.elapsed() >= READ_EVERY);
        if state.training && due {
            state.read_losses()?;
            self.last_read = Some(Instant::now());
        }
        Ok(self.check(state)?)
    }

    fn after_train(&mut self, state: &mut State<T>) -> Flow {
        Ok(self.check(state)?)
    }

    fn after_validate(&mut self, state: &mut State<T>) -> Flow {
        if let Some(batch) = state.valid_losses.iter().position(|loss| !loss.is_finite()) {
            let (epoch, loss, lr) = (state.epoch_number(), state.valid_losses[batch], state.lr);
            Err(Error::Diverged { part: "validation", loss, epoch, batch, lr })?;
        }
        Ok(())
    }
}
