//! What a fit follows.

use super::Schedule;
use crate::error::{Error, Result};

/// Whatever says how the learning rate and the momentum go in a fit.
///
/// A function that takes any of them takes `impl Policy`.
///
/// ```
/// use fastburn::schedule::{OneCycle, ParamSchedule, Policy, Schedule};
///
/// fn first_lr(policy: impl Policy) -> fastburn::Result<f64> {
///     Ok(policy.schedule()?.lr.at(0.0))
/// }
/// assert_eq!(first_lr(OneCycle::new(0.1))?, 0.1 / 25.0);
/// assert_eq!(first_lr(Schedule::linear(0.1, 0.0))?, 0.1);
/// assert_eq!(first_lr(ParamSchedule::new(Schedule::constant(0.2)))?, 0.2);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait Policy {
    /// The curves.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if one of the policy's settings cannot work.
    fn schedule(&self) -> Result<ParamSchedule>;
}

/// The curves that a fit follows.
///
/// ```
/// use fastburn::schedule::{ParamSchedule, Schedule};
///
/// let schedule = ParamSchedule::new(Schedule::exponential(1e-2, 1e-4))
///     .momentum(Schedule::linear(0.85, 0.95));
/// assert!(schedule.momentum.is_some());
/// ```
#[derive(Debug, Clone)]
pub struct ParamSchedule {
    /// The learning rate.
    pub lr: Schedule,
    /// The momentum, Adam's first; `None` leaves the optimizer's own.
    pub momentum: Option<Schedule>,
}

impl ParamSchedule {
    /// A learning rate of one's own, with the optimizer's momentum.
    pub fn new(lr: Schedule) -> Self {
        Self { lr, momentum: None }
    }

    /// Schedules the momentum too.
    pub fn momentum(mut self, momentum: Schedule) -> Self {
        self.momentum = Some(momentum);
        self
    }
}

impl Policy for ParamSchedule {
    fn schedule(&self) -> Result<ParamSchedule> {
        Ok(self.clone())
    }
}

impl Policy for Schedule {
    /// The learning rate alone.
    fn schedule(&self) -> Result<ParamSchedule> {
        Ok(ParamSchedule::new(self.clone()))
    }
}

/// Refuses a learning rate that is none.
pub(super) fn check_lr(lr: f64) -> Result<()> {
    check(lr >= 0.0, "the learning rate", lr, "a finite number of at least 0")
}

/// Refuses what the learning rate cannot be divided by.
pub(super) fn check_divisor(name: &'static str, divisor: f64) -> Result<()> {
    check(divisor > 0.0, name, divisor, "a finite number above 0")
}

/// Refuses a place of the peak that is not on the way.
pub(super) fn check_pct_start(pct_start: f64) -> Result<()> {
    check(pct_start > 0.0 && pct_start <= 1.0, "pct_start", pct_start, "above 0 and at most 1")
}

/// Refuses a momentum with which an average would never end.
pub(super) fn check_momentum(momentum: f64) -> Result<()> {
    check((0.0..1.0).contains(&momentum), "the momentum", momentum, "at least 0 and below 1")
}

fn check(right: bool, name: &'static str, value: f64, expected: &str) -> Result<()> {
    if right && value.is_finite() {
        return Ok(());
    }
    Err(Error::setting(name, value, format!("it must be {expected}")))
}
