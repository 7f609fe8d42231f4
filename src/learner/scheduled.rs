//! Fits whose learning rate, and momentum if there is one, follow a schedule; fine-tuning among them.

use super::build::Learner;
use super::callback::{Callback, Flow};
use super::groups::Rates;
use super::state::State;
use crate::checks;
use crate::error::Result;
use crate::models::Model;
use crate::schedule::{FlatCosine, OneCycle, ParamSchedule, Policy, Sgdr};

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Trains with one cycle of the learning rate, up to `lr_max` and down to nearly nothing, while
    /// the momentum goes down and up: fastai's `fit_one_cycle`, with its defaults.
    ///
    /// [`OneCycle`] in [`fit_scheduled`](Self::fit_scheduled) has others.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, cross_entropy).metric(accuracy());
    /// learn.fit_one_cycle(3, 1e-2)?;
    /// assert!(learn.validate()?.metrics[0] > 0.85);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit).
    pub fn fit_one_cycle(&mut self, epochs: usize, lr_max: impl Into<Rates>) -> Result<()> {
        let rates = lr_max.into();
        self.fit_along(epochs, rates, OneCycle::new(rates.last()))
    }

    /// Trains at one learning rate for three quarters of the way, then down to nearly nothing:
    /// fastai's `fit_flat_cos`, with its defaults.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit).
    pub fn fit_flat_cos(&mut self, epochs: usize, lr: impl Into<Rates>) -> Result<()> {
        let rates = lr.into();
        self.fit_along(epochs, rates, FlatCosine::new(rates.last()))
    }

    /// Trains in cycles, each of which begins at `lr_max` and falls to 0, and is twice as long as
    /// the one before it, the first one `cycle_length` epochs: fastai's `fit_sgdr` (Loshchilov and
    /// Hutter 2017).
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit).
    pub fn fit_sgdr(
        &mut self,
        cycles: usize,
        cycle_length: usize,
        lr_max: impl Into<Rates>,
    ) -> Result<()> {
        let rates = lr_max.into();
        let sgdr = Sgdr::new(rates.last(), cycles, cycle_length);
        self.fit_along(sgdr.epochs()?, rates, sgdr)
    }

    /// Trains with any schedule: one of [`schedule`](crate::schedule)'s, or a function of progress.
    ///
    /// ```
    /// use fastburn::prelude::*;
    /// use fastburn::schedule::{OneCycle, Schedule};
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, cross_entropy);
    /// learn.fit_scheduled(1, OneCycle::new(1e-2).pct_start(0.5))?;
    /// learn.fit_scheduled(1, Schedule::new(|progress| 1e-3 / (1.0 + 9.0 * progress)))?;
    /// assert_eq!(learn.history().steps[93].lr, 1e-3);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit).
    pub fn fit_scheduled(&mut self, epochs: usize, policy: impl Policy) -> Result<()> {
        let rates = policy.schedule()?.lr.at(0.0).into();
        self.fit_along(epochs, rates, policy)
    }

    pub(super) fn fit_along(
        &mut self,
        epochs: usize,
        rates: Rates,
        policy: impl Policy,
    ) -> Result<()> {
        let scheduler = ParamScheduler::new(policy.schedule()?);
        self.with(scheduler, |learn| learn.fit(epochs, rates))
    }
}

/// Sets the learning rate, and the momentum where the optimizer has one, before each training
/// batch, by its place among all batches of the fit.
///
/// [`fit_one_cycle`](crate::learner::Learner::fit_one_cycle) and its like use it; by itself it goes with any
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
            checks::at_least_zero("scheduled learning rate", state.lr)?;
            if let (Some(momentum), Some(schedule)) = (&mut state.momentum, &self.schedule.momentum)
            {
                *momentum = schedule.at(progress);
                checks::below_one("scheduled momentum", *momentum)?;
            }
        }
        Ok(())
    }
}

/// How [`Learner::fine_tune_with`] goes about it, with fastai's defaults.
///
/// ```
/// use fastburn::learner::FineTune;
///
/// let longer = FineTune { freeze_epochs: 2, ..FineTune::default() };
/// assert_eq!((longer.base_lr, longer.lr_mult), (2e-3, 100.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FineTune {
    /// The peak of the learning rate while the body is frozen; behind that it is half.
    pub base_lr: f64,
    /// How many epochs the body is frozen.
    pub freeze_epochs: usize,
    /// How much faster the last layer group learns than the first.
    pub lr_mult: f64,
    /// The share of the second part in which its rate rises.
    pub pct_start: f64,
    /// How much lower than its peak that rate begins.
    pub div: f64,
}

impl Default for FineTune {
    fn default() -> Self {
        Self { base_lr: 2e-3, freeze_epochs: 1, lr_mult: 100.0, pct_start: 0.3, div: 5.0 }
    }
}

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Trains the last layer group alone, then all of them, the first ones slower: fastai's
    /// `fine_tune`.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?; // better a trained one
    /// let mut learn = Learner::new(dls, model, cross_entropy);
    /// learn.fine_tune(2)?;
    /// assert_eq!(learn.history().epochs.len(), 3); // one of them frozen
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit) and [`freeze_to`](Self::freeze_to).
    pub fn fine_tune(&mut self, epochs: usize) -> Result<()> {
        self.fine_tune_with(epochs, FineTune::default())
    }

    /// As [`fine_tune`](Self::fine_tune), with other settings than fastai's defaults.
    ///
    /// # Errors
    ///
    /// As [`fine_tune`](Self::fine_tune), and [`Error::Setting`](crate::Error::Setting) if a setting
    /// cannot work.
    pub fn fine_tune_with(&mut self, epochs: usize, how: FineTune) -> Result<()> {
        let FineTune { base_lr, freeze_epochs, lr_mult, pct_start, div } = how;
        let lr = base_lr / 2.0;
        let rates = Rates::slice(lr / lr_mult, lr);
        // What cannot work is refused before anything is frozen or trained.
        rates.of_groups(self.groups.len())?;
        let of_head = OneCycle::new(base_lr).pct_start(0.99).schedule()?;
        let of_all = OneCycle::new(lr).pct_start(pct_start).div(div).schedule()?;
        self.freeze()?;
        self.fit_along(freeze_epochs, base_lr.into(), of_head)?;
        if self.is_interrupted() {
            return Ok(());
        }
        self.unfreeze()?;
        self.fit_along(epochs, rates, of_all)
    }
}
