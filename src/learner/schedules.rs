//! Fits whose learning rate and momentum follow a schedule, including fine-tuning.

use super::builder::Learner;
use super::callback::{Callback, Flow};
use super::rates::Rates;
use super::state::State;
use super::task::Task;
use crate::checks;
use crate::error::Result;
use crate::schedule::{FlatCosine, OneCycle, ParamSchedule, Policy, Sgdr};

impl<T: Task> Learner<T> {
    /// Trains with the 1cycle policy: the learning rate rises to `lr_max` and then falls to nearly
    /// 0, while the momentum falls and rises. fastai's `fit_one_cycle`, with its defaults.
    ///
    /// For other settings, pass a [`OneCycle`] to [`fit_scheduled`](Self::fit_scheduled).
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
    /// learn.fit_one_cycle(3, 1e-2)?;
    /// assert!(learn.validate()?.metrics[0] > 0.85);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`fit`](Self::fit).
    pub fn fit_one_cycle(&mut self, epochs: usize, lr_max: impl Into<Rates>) -> Result<()> {
        let rates = lr_max.into();
        self.fit_along(epochs, rates, OneCycle::new(rates.last()))
    }

    /// Trains at a constant learning rate for three quarters of the fit, then lowers it to nearly 0
    /// along a cosine: fastai's `fit_flat_cos`, with its defaults.
    ///
    /// # Errors
    ///
    /// See [`fit`](Self::fit).
    pub fn fit_flat_cos(&mut self, epochs: usize, lr: impl Into<Rates>) -> Result<()> {
        let rates = lr.into();
        self.fit_along(epochs, rates, FlatCosine::new(rates.last()))
    }

    /// Trains with warm restarts: in each cycle the learning rate falls from `lr_max` to 0. The
    /// first cycle has `cycle_length` epochs, and each further one is twice as long as the one
    /// before. fastai's `fit_sgdr` (Loshchilov and Hutter 2017).
    ///
    /// # Errors
    ///
    /// See [`fit`](Self::fit).
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

    /// Trains with any schedule: one of [`schedule`](crate::schedule), or a function of progress.
    ///
    /// ```
    /// use fastburn::prelude::*;
    /// use fastburn::schedule::{OneCycle, Schedule};
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new());
    /// learn.fit_scheduled(1, OneCycle::new(1e-2).pct_start(0.5))?;
    /// learn.fit_scheduled(1, Schedule::new(|progress| 1e-3 / (1.0 + 9.0 * progress)))?;
    /// assert_eq!(learn.history().steps[93].lr, 1e-3);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`fit`](Self::fit).
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

/// Sets the learning rate before each training batch, and the momentum if the optimizer has one,
/// according to the progress of the fit.
///
/// [`fit_one_cycle`](crate::learner::Learner::fit_one_cycle) and similar methods use it, and it can
/// be added to any fit. If layer groups have their own learning rates, it sets the last group's and
/// the others keep their ratio to that.
///
/// ```
/// use fastburn::learner::ParamScheduler;
/// use fastburn::prelude::*;
/// use fastburn::schedule::{ParamSchedule, Schedule};
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new());
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
    /// Creates a callback that follows `schedule`.
    pub fn new(schedule: ParamSchedule) -> Self {
        Self { schedule }
    }
}

impl<T: Task> Callback<T> for ParamScheduler {
    /// Runs before every callback that may read the batch's learning rate.
    fn order(&self) -> i32 {
        -40
    }

    fn name(&self) -> &'static str {
        "ParamScheduler"
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
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

/// The settings of [`Learner::fine_tune_with`]. The defaults are fastai's.
///
/// ```
/// use fastburn::learner::FineTune;
///
/// let longer = FineTune { freeze_epochs: 2, ..FineTune::default() };
/// assert_eq!((longer.base_lr, longer.lr_mult), (2e-3, 100.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FineTune {
    /// The peak learning rate while the body is frozen; after that, the peak is half of it.
    pub base_lr: f64,
    /// The number of epochs with a frozen body.
    pub freeze_epochs: usize,
    /// The ratio of the last layer group's learning rate to the first one's, once unfrozen.
    pub lr_mult: f64,
    /// The share of the unfrozen epochs in which the learning rate rises.
    pub pct_start: f64,
    /// The ratio of the peak learning rate to the initial one in the unfrozen epochs.
    pub div: f64,
}

impl Default for FineTune {
    fn default() -> Self {
        Self { base_lr: 2e-3, freeze_epochs: 1, lr_mult: 100.0, pct_start: 0.3, div: 5.0 }
    }
}

impl<T: Task> Learner<T> {
    /// Trains the last layer group alone, then all groups, the earlier ones at lower learning
    /// rates: fastai's `fine_tune`.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?; // normally a pretrained one
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new());
    /// learn.fine_tune(2)?;
    /// assert_eq!(learn.history().epochs.len(), 3); // one frozen, two unfrozen
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`fit`](Self::fit) and [`freeze_to`](Self::freeze_to).
    pub fn fine_tune(&mut self, epochs: usize) -> Result<()> {
        self.fine_tune_with(epochs, FineTune::default())
    }

    /// Runs [`fine_tune`](Self::fine_tune) with other settings.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if a setting is invalid. Otherwise see
    /// [`fine_tune`](Self::fine_tune).
    pub fn fine_tune_with(&mut self, epochs: usize, settings: FineTune) -> Result<()> {
        let FineTune { base_lr, freeze_epochs, lr_mult, pct_start, div } = settings;
        let lr = base_lr / 2.0;
        let rates = Rates::slice(lr / lr_mult, lr);
        // Invalid settings are refused before anything is frozen or trained.
        rates.of_groups(self.groups.len())?;
        let frozen = OneCycle::new(base_lr).pct_start(0.99).schedule()?;
        let unfrozen = OneCycle::new(lr).pct_start(pct_start).div(div).schedule()?;
        self.freeze()?;
        // What trains in the frozen groups, the norms, does so at a tenth: fastai's slice(base_lr).
        self.fit_along(freeze_epochs, Rates::slice_to(base_lr), frozen)?;
        if self.is_interrupted() {
            return Ok(());
        }
        self.unfreeze()?;
        self.fit_along(epochs, rates, unfrozen)
    }
}
