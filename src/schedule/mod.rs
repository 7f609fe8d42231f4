//! How the learning rate and the momentum go while a fit makes its way: pure functions of progress.
//!
//! A [`Schedule`] is one curve over the progress from 0 to 1. A [`Policy`] says which curves a fit
//! follows: [`OneCycle`], [`FlatCosine`] and [`Sgdr`] are fastai's, [`ParamSchedule`] holds curves
//! of one's own.

mod combined;
mod flat_cosine;
mod one_cycle;
mod policy;
mod sgdr;

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

pub use flat_cosine::FlatCosine;
pub use one_cycle::OneCycle;
pub use policy::{ParamSchedule, Policy};
pub use sgdr::Sgdr;

/// A value that depends on how far the fit is, from progress 0 at its begin to 1 at its end.
///
/// The curves are those of fastai's `callback.schedule`. A clone shares the function.
///
/// ```
/// use fastburn::schedule::Schedule;
///
/// let down = Schedule::linear(1.0, 0.0);
/// assert_eq!(down.at(0.25), 0.75);
///
/// let steps = Schedule::new(|progress| if progress < 0.5 { 1e-2 } else { 1e-3 });
/// assert_eq!(steps.at(0.7), 1e-3);
/// ```
#[derive(Clone)]
pub struct Schedule(Arc<dyn Fn(f64) -> f64 + Send + Sync>);

impl Schedule {
    /// A function of the progress, which is from 0 to 1.
    pub fn new(value: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(value))
    }

    /// One value throughout: fastai's `sched_no`.
    ///
    /// ```
    /// assert_eq!(fastburn::schedule::Schedule::constant(0.1).at(0.5), 0.1);
    /// ```
    pub fn constant(value: f64) -> Self {
        Self::new(move |_| value)
    }

    /// A straight line: fastai's `sched_lin`.
    ///
    /// ```
    /// assert_eq!(fastburn::schedule::Schedule::linear(2.0, 4.0).at(0.5), 3.0);
    /// ```
    pub fn linear(start: f64, end: f64) -> Self {
        Self::new(move |progress| start + progress * (end - start))
    }

    /// Half a wave, which leaves `start` and reaches `end` slowly: fastai's `sched_cos`,
    /// `start + (1 + cos(π (1 - progress))) (end - start) / 2`.
    ///
    /// ```
    /// let schedule = fastburn::schedule::Schedule::cosine(1.0, 0.0);
    /// assert!(schedule.at(0.1) > 0.97 && schedule.at(0.9) < 0.03);
    /// ```
    pub fn cosine(start: f64, end: f64) -> Self {
        Self::new(move |progress| {
            start + (1.0 + (PI * (1.0 - progress)).cos()) * (end - start) / 2.0
        })
    }

    /// The same factor in each step: fastai's `sched_exp`, `start (end / start)^progress`.
    ///
    /// Both ends are above 0 or both below; otherwise the values between them are no numbers.
    ///
    /// ```
    /// let schedule = fastburn::schedule::Schedule::exponential(1e-4, 1.0);
    /// assert!((schedule.at(0.5) - 1e-2).abs() < 1e-12);
    /// ```
    pub fn exponential(start: f64, end: f64) -> Self {
        Self::new(move |progress| start * (end / start).powf(progress))
    }

    /// A power of the progress: fastai's `SchedPoly`, `start + (end - start) progress^power`.
    ///
    /// ```
    /// assert_eq!(fastburn::schedule::Schedule::polynomial(0.0, 1.0, 2.0).at(0.5), 0.25);
    /// ```
    pub fn polynomial(start: f64, end: f64, power: f64) -> Self {
        Self::new(move |progress| start + (end - start) * progress.powf(power))
    }

    /// The value at a progress; below 0 it is that of 0, above 1 that of 1.
    pub fn at(&self, progress: f64) -> f64 {
        (self.0)(progress.clamp(0.0, 1.0))
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule(from {} to {})", self.at(0.0), self.at(1.0))
    }
}
