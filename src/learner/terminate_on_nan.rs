//! Ends a fit that has left the numbers.

use std::time::{Duration, Instant};

use super::callback::{Callback, Flow};
use super::state::State;
use crate::error::{Error, Result};
use crate::models::Model;
use crate::records::StepRecord;

/// How often the losses are read from the device within an epoch: each time waits for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Ends the fit with [`Error::Diverged`] once a loss is NaN or infinite: within a second or so, and
/// at the end of each part. Every learner has it, until
/// [`without`](super::Learner::without)`("TerminateOnNan")` takes it off.
///
/// ```
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, cross_entropy).optimizer(OptimizerKind::Sgd);
/// assert!(matches!(learn.fit(1, 1e30), Err(Error::Diverged { .. })));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TerminateOnNan {
    /// How many steps of the history have been looked at.
    looked_at: usize,
    last_read: Option<Instant>,
}

impl TerminateOnNan {
    /// Looks at the steps that are new in the history, which ends before the one at fault.
    fn look<M: Model<I>, I, T>(&mut self, state: &mut State<M, I, T>) -> Result<()> {
        let steps = &mut state.history.steps;
        let new = steps.iter().enumerate().skip(self.looked_at);
        let broken = new.map(|(index, step)| (index, *step)).find(|(_, s)| !s.loss.is_finite());
        if let Some((index, StepRecord { epoch, batch, lr, loss, .. })) = broken {
            steps.truncate(index);
            return Err(Error::Diverged { part: "training", loss, epoch, batch, lr });
        }
        self.looked_at = steps.len();
        Ok(())
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for TerminateOnNan {
    /// Behind the recorder.
    fn order(&self) -> i32 {
        -45
    }

    fn name(&self) -> &'static str {
        "TerminateOnNan"
    }

    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.looked_at = state.history.steps.len();
        Ok(())
    }

    fn before_train(&mut self, _: &mut State<M, I, T>) -> Flow {
        self.last_read = Some(Instant::now());
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let due = self.last_read.is_some_and(|last| last.elapsed() >= LOOK_EVERY);
        if state.training && due {
            state.read_losses()?;
            self.last_read = Some(Instant::now());
        }
        Ok(self.look(state)?)
    }

    fn after_train(&mut self, state: &mut State<M, I, T>) -> Flow {
        Ok(self.look(state)?)
    }

    fn after_validate(&mut self, state: &mut State<M, I, T>) -> Flow {
        let is_broken = |loss: &f32| !loss.is_finite();
        if let Some(batch) = state.valid_losses.iter().position(is_broken) {
            let (epoch, loss, lr) = (state.epoch, state.valid_losses[batch], state.lr);
            Err(Error::Diverged { part: "validation", loss, epoch, batch, lr })?;
        }
        Ok(())
    }
}
