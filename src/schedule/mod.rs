//! Schedules of the learning rate and the momentum, as pure functions of the training progress.
//!
//! A [`Schedule`] is one curve over the progress from 0 to 1. A [`Policy`] provides the curves for
//! training: [`OneCycle`], [`FlatCosine`] and [`Sgdr`] are fastai's, [`ParamSchedule`] holds custom
//! ones.

mod curve;

pub use self::curve::{ParamSchedule, Policy, Schedule};
use crate::checks;
use crate::error::{Error, Result};

/// The 1cycle policy, fastai's `fit_one_cycle`: the learning rate rises to its peak along a cosine
/// and falls to almost 0 along another, while the momentum falls and rises again (Smith 2018,
/// <https://arxiv.org/abs/1803.09820>).
///
/// ```
/// use fastburn::schedule::{OneCycle, Policy};
///
/// let schedule = OneCycle::new(1e-2).pct_start(0.3).schedule()?;
/// assert!((schedule.lr.at(0.3) - 1e-2).abs() < 1e-12);
/// assert_eq!(schedule.momentum.unwrap().at(0.0), 0.95);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    lr_max: f64,
    div: f64,
    div_final: f64,
    pct_start: f64,
    momenta: (f64, f64, f64),
}

impl OneCycle {
    /// Creates a cycle with the peak learning rate `lr_max` and fastai's defaults.
    pub fn new(lr_max: f64) -> Self {
        let momenta = (0.95, 0.85, 0.95);
        Self { lr_max, div: 25.0, div_final: 1e5, pct_start: 0.25, momenta }
    }

    /// Sets the ratio of the peak to the first learning rate (default: 25).
    #[expect(clippy::should_implement_trait, reason = "fastai's name for it")]
    pub fn div(mut self, div: f64) -> Self {
        self.div = div;
        self
    }

    /// Sets the ratio of the peak to the last learning rate (default: 100 000).
    pub fn div_final(mut self, div_final: f64) -> Self {
        self.div_final = div_final;
        self
    }

    /// Sets the share of training in which the learning rate rises, in `(0, 1]` (default: 0.25).
    pub fn pct_start(mut self, pct_start: f64) -> Self {
        self.pct_start = pct_start;
        self
    }

    /// Sets the momentum at the start, at the peak and at the end (default: 0.95, 0.85, 0.95).
    pub fn momenta(mut self, begin: f64, peak: f64, end: f64) -> Self {
        self.momenta = (begin, peak, end);
        self
    }
}

impl Policy for OneCycle {
    fn schedule(&self) -> Result<ParamSchedule> {
        let Self { lr_max, div, div_final, pct_start, momenta: (begin, peak, end) } = *self;
        checks::at_least_zero("learning rate", lr_max)?;
        checks::above_zero("div", div)?;
        checks::above_zero("div_final", div_final)?;
        checks::positive_share("pct_start", pct_start)?;
        [begin, peak, end]
            .into_iter()
            .try_for_each(|value| checks::below_one("momentum", value))?;
        let lr = Schedule::combined_cosine(pct_start, lr_max / div, lr_max, lr_max / div_final)?;
        let momentum = Schedule::combined_cosine(pct_start, begin, peak, end)?;
        Ok(ParamSchedule::new(lr).momentum(momentum))
    }
}

/// A constant learning rate for most of training, then a cosine decay to almost 0: fastai's
/// `fit_flat_cos`.
///
/// ```
/// use fastburn::schedule::{FlatCosine, Policy};
///
/// let lr = FlatCosine::new(1e-2).schedule()?.lr;
/// assert_eq!([lr.at(0.0), lr.at(0.7)], [1e-2, 1e-2]);
/// assert!(lr.at(0.9) < 5e-3);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlatCosine {
    lr: f64,
    div_final: f64,
    pct_start: f64,
}

impl FlatCosine {
    /// Creates a policy with this learning rate and fastai's defaults.
    pub fn new(lr: f64) -> Self {
        Self { lr, div_final: 1e5, pct_start: 0.75 }
    }

    /// Sets the ratio of the first to the last learning rate (default: 100 000).
    pub fn div_final(mut self, div_final: f64) -> Self {
        self.div_final = div_final;
        self
    }

    /// Sets the share of training with a constant learning rate, in `(0, 1]` (default: 0.75).
    pub fn pct_start(mut self, pct_start: f64) -> Self {
        self.pct_start = pct_start;
        self
    }
}

impl Policy for FlatCosine {
    fn schedule(&self) -> Result<ParamSchedule> {
        let Self { lr, div_final, pct_start } = *self;
        checks::at_least_zero("learning rate", lr)?;
        checks::above_zero("div_final", div_final)?;
        checks::positive_share("pct_start", pct_start)?;
        let lr = Schedule::combined_cosine(pct_start, lr, lr, lr / div_final)?;
        Ok(ParamSchedule::new(lr))
    }
}

/// SGD with warm restarts: the learning rate falls to 0 along a cosine and restarts, each cycle
/// longer than the one before. fastai's `fit_sgdr` (Loshchilov and Hutter 2016,
/// <https://arxiv.org/abs/1608.03983>).
///
/// ```
/// use fastburn::schedule::{Policy, Sgdr};
///
/// let sgdr = Sgdr::new(1e-2, 3, 1); // cycles of 1, 2 and 4 epochs
/// assert_eq!(sgdr.epochs()?, 7);
/// assert_eq!(sgdr.schedule()?.lr.at(0.0), 1e-2);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgdr {
    lr_max: f64,
    cycles: usize,
    cycle_length: usize,
    cycle_mult: usize,
}

impl Sgdr {
    /// Creates `cycles` cycles from learning rate `lr_max` to 0. The first has `cycle_length`
    /// epochs, and each other one twice as many as the one before.
    pub fn new(lr_max: f64, cycles: usize, cycle_length: usize) -> Self {
        Self { lr_max, cycles, cycle_length, cycle_mult: 2 }
    }

    /// Sets the ratio of each cycle's length to that of the one before (default: 2).
    pub fn cycle_mult(mut self, cycle_mult: usize) -> Self {
        self.cycle_mult = cycle_mult;
        self
    }

    /// Returns the total number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no cycle, a cycle has no epoch, or the number of epochs
    /// overflows.
    pub fn epochs(&self) -> Result<usize> {
        Ok(self.lengths()?.iter().sum())
    }

    /// Returns the number of epochs of each cycle.
    fn lengths(&self) -> Result<Vec<usize>> {
        for (name, value) in [
            ("number of cycles", self.cycles),
            ("cycle length", self.cycle_length),
            ("cycle_mult", self.cycle_mult),
        ] {
            checks::at_least_one(name, value)?;
        }
        let length =
            |cycle: u32| self.cycle_mult.checked_pow(cycle)?.checked_mul(self.cycle_length);
        let lengths: Option<Vec<usize>> = (0..).take(self.cycles).map(length).collect();
        let countable = |lengths: &Vec<usize>| {
            lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length)).is_some()
        };
        lengths.filter(countable).ok_or_else(|| {
            Error::setting("number of cycles", self.cycles, "fewer than 2⁶⁴ epochs in total")
        })
    }
}

impl Policy for Sgdr {
    fn schedule(&self) -> Result<ParamSchedule> {
        checks::at_least_zero("learning rate", self.lr_max)?;
        let (lengths, epochs) = (self.lengths()?, self.epochs()? as f64);
        let cycle = Schedule::cosine(self.lr_max, 0.0);
        let parts = lengths.into_iter().map(|length| (length as f64 / epochs, cycle.clone()));
        Ok(ParamSchedule::new(Schedule::combined(parts)?))
    }
}
