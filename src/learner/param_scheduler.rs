//! Learning rate and momentum as functions of how far the fit is.

use super::callback::{Callback, Flow};
use super::state::State;
use crate::error::Error;
use crate::models::Model;
use crate::schedule::ParamSchedule;

/// Sets the learning rate, and the momentum where the optimizer has one, before each training
/// batch, by its place among all batches of the fit.
///
/// [`fit_one_cycle`](crate::Learner::fit_one_cycle) and its like use it; by itself it goes with any
/// fit, and where layer groups have their own rates, it sets the last one's and the others keep
/// their shares of it.
///
/// ```
/// use fastburn::learner::ParamScheduler;
/// use fastburn::prelude::*;
/// use fastburn::schedule::{ParamSchedule, Schedule};
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, cross_entropy);
/// let waves = Schedule::new(|progress| 1e-3 * (1.0 + (20.0 * progress).sin()));
/// learn.with(ParamScheduler::new(ParamSchedule::new(waves)), |learn| {
///     learn.fit(2, Rates::slice(1e-4, 1e-3))
/// })?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ParamScheduler {
    schedule: ParamSchedule,
}

impl ParamScheduler {
    /// Follows that schedule.
    pub fn new(schedule: ParamSchedule) -> Self {
        Self { schedule }
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for ParamScheduler {
    /// Before all that may look at the rate of the batch at hand.
    fn order(&self) -> i32 {
        -40
    }

    fn name(&self) -> &'static str {
        "ParamScheduler"
    }

    fn before_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        if state.training {
            let progress = state.progress();
            state.lr = self.schedule.lr.at(progress);
            if !(state.lr.is_finite() && state.lr >= 0.0) {
                let expected = "it must be a finite number of at least 0";
                Err(Error::setting("the scheduled learning rate", state.lr, expected))?;
            }
            if let (Some(momentum), Some(schedule)) = (&mut state.momentum, &self.schedule.momentum)
            {
                *momentum = schedule.at(progress);
                if !(0.0..1.0).contains(momentum) {
                    let expected = "it must be at least 0 and below 1";
                    Err(Error::setting("the scheduled momentum", *momentum, expected))?;
                }
            }
        }
        Ok(())
    }
}
