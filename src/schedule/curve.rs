//! Curves over the progress of training, and the trait of schedules.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use crate::checks;
use crate::error::{Error, Result};
use crate::printable::short_number;

/// The tolerance for a sum of shares of 1, since shares such as 1/3 are rounded.
const ROUNDING: f64 = 1e-9;

/// A value over the progress of training, from 0 at the start to 1 at the end.
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
    /// Creates a schedule from a function of the progress, which is in `[0, 1]`.
    pub fn new(value: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(value))
    }

    /// Creates a constant schedule: fastai's `sched_no`.
    ///
    /// ```
    /// assert_eq!(fastburn::schedule::Schedule::constant(0.1).at(0.5), 0.1);
    /// ```
    pub fn constant(value: f64) -> Self {
        Self::new(move |_| value)
    }

    /// Creates a linear schedule: fastai's `sched_lin`.
    ///
    /// ```
    /// assert_eq!(fastburn::schedule::Schedule::linear(2.0, 4.0).at(0.5), 3.0);
    /// ```
    pub fn linear(start: f64, end: f64) -> Self {
        Self::new(move |progress| start + progress * (end - start))
    }

    /// Creates a half cosine wave, flat at `start` and at `end`: fastai's `sched_cos`,
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

    /// Creates an exponential schedule: fastai's `sched_exp`, `start (end / start)^progress`.
    ///
    /// `start` and `end` must be both positive or both negative; otherwise the values between them
    /// may be NaN.
    ///
    /// ```
    /// let schedule = fastburn::schedule::Schedule::exponential(1e-4, 1.0);
    /// assert!((schedule.at(0.5) - 1e-2).abs() < 1e-12);
    /// ```
    pub fn exponential(start: f64, end: f64) -> Self {
        Self::new(move |progress| start * (end / start).powf(progress))
    }

    /// Creates a polynomial schedule: fastai's `SchedPoly`, `start + (end - start) progress^power`.
    ///
    /// ```
    /// assert_eq!(fastburn::schedule::Schedule::polynomial(0.0, 1.0, 2.0).at(0.5), 0.25);
    /// ```
    pub fn polynomial(start: f64, end: f64, power: f64) -> Self {
        Self::new(move |progress| start + (end - start) * progress.powf(power))
    }

    /// Returns the value at a progress, which is clamped to `[0, 1]`.
    pub fn at(&self, progress: f64) -> f64 {
        (self.0)(progress.clamp(0.0, 1.0))
    }
}

impl Schedule {
    /// Chains schedules, each over its share of the progress: fastai's `combine_scheds`.
    ///
    /// ```
    /// use fastburn::schedule::Schedule;
    ///
    /// let warm_up = Schedule::linear(0.0, 1.0);
    /// let schedule = Schedule::combined([(0.2, warm_up), (0.8, Schedule::constant(1.0))])?;
    /// assert_eq!(schedule.at(0.1), 0.5);
    /// assert_eq!(schedule.at(0.6), 1.0);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a share is negative or the shares do not sum to 1.
    pub fn combined(parts: impl IntoIterator<Item = (f64, Self)>) -> Result<Self> {
        let mut parts: Vec<(f64, Self)> = parts.into_iter().collect();
        let shares: Vec<f64> = parts.iter().map(|(share, _)| *share).collect();
        let sum: f64 = shares.iter().sum();
        let complete = (sum - 1.0).abs() <= ROUNDING;
        if !complete || shares.iter().any(|&share| share < 0.0) {
            return Err(Error::setting(
                "shares of a schedule",
                format!("{shares:?}"),
                format!(
                    "numbers of at least 0 that sum to 1, found a sum of {}",
                    short_number(sum)
                ),
            ));
        }
        // A share of 0 would divide by 0.
        parts.retain(|(share, _)| *share > 0.0);
        let begins: Vec<f64> = parts
            .iter()
            .scan(0.0, |end, (share, _)| Some(std::mem::replace(end, *end + share)))
            .collect();
        Ok(Self::new(move |progress| {
            let index = begins.partition_point(|begin| *begin <= progress).saturating_sub(1);
            let (share, schedule) = &parts[index];
            schedule.at((progress - begins[index]) / share)
        }))
    }

    /// Creates two half cosine waves: from `start` to `middle`, reached at progress `pct_start`,
    /// and from there to `end`. fastai's `combined_cos`.
    ///
    /// ```
    /// use fastburn::schedule::Schedule;
    ///
    /// let schedule = Schedule::combined_cosine(0.25, 0.1, 1.0, 0.0)?;
    /// assert_eq!([schedule.at(0.0), schedule.at(0.25), schedule.at(1.0)], [0.1, 1.0, 0.0]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `pct_start` is not in `[0, 1]`.
    pub fn combined_cosine(pct_start: f64, start: f64, middle: f64, end: f64) -> Result<Self> {
        checks::check(
            (0.0..=1.0).contains(&pct_start),
            "pct_start",
            short_number(pct_start),
            "a number from 0 to 1",
        )?;
        Self::combined([
            (pct_start, Self::cosine(start, middle)),
            (1.0 - pct_start, Self::cosine(middle, end)),
        ])
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule(from {} to {})", self.at(0.0), self.at(1.0))
    }
}

/// A source of schedules for the learning rate and the momentum.
///
/// A function that accepts any of them takes `impl Policy`.
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
    /// Returns the schedules.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting of the policy is invalid.
    fn schedule(&self) -> Result<ParamSchedule>;
}

/// The schedules of the learning rate and the momentum.
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
    /// The momentum, β₁ in Adam; `None` keeps the optimizer's own.
    pub momentum: Option<Schedule>,
}

impl ParamSchedule {
    /// Creates a schedule of the learning rate, which keeps the optimizer's momentum.
    pub fn new(lr: Schedule) -> Self {
        Self { lr, momentum: None }
    }

    /// Sets the schedule of the momentum (default: the optimizer's constant momentum).
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
    /// Returns this schedule for the learning rate alone.
    fn schedule(&self) -> Result<ParamSchedule> {
        Ok(ParamSchedule::new(self.clone()))
    }
}
