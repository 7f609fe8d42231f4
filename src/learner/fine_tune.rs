//! Training a new head on an old body, then both.

use super::rates::Rates;
use super::{Learner, Model};
use crate::error::Result;
use crate::schedule::{OneCycle, Policy};

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
