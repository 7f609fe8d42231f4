//! Fits whose learning rate, and momentum where there is one, follow a schedule.

use super::param_scheduler::ParamScheduler;
use super::rates::Rates;
use super::{Learner, Model};
use crate::error::Result;
use crate::schedule::{FlatCosine, OneCycle, Policy, Sgdr};

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
