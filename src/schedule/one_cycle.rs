//! Up and down once.

use super::policy::{check_divisor, check_lr, check_momentum, check_pct_start};
use super::{ParamSchedule, Policy, Schedule};
use crate::error::Result;

/// The 1cycle policy of fastai's `fit_one_cycle`: the learning rate rises to its peak in a cosine
/// and falls to almost nothing in another, while the momentum falls and rises again (Smith 2018,
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
    /// A cycle with that peak and fastai's defaults.
    pub fn new(lr_max: f64) -> Self {
        let momenta = (0.95, 0.85, 0.95);
        Self { lr_max, div: 25.0, div_final: 1e5, pct_start: 0.25, momenta }
    }

    /// The first learning rate is the peak divided by this; 25.
    #[expect(clippy::should_implement_trait, reason = "fastai's name for it")]
    pub fn div(mut self, div: f64) -> Self {
        self.div = div;
        self
    }

    /// The last learning rate is the peak divided by this; 100 000.
    pub fn div_final(mut self, div_final: f64) -> Self {
        self.div_final = div_final;
        self
    }

    /// The share of the fit in which the learning rate rises, above 0 and at most 1; 0.25.
    pub fn pct_start(mut self, pct_start: f64) -> Self {
        self.pct_start = pct_start;
        self
    }

    /// The momentum at the begin, at the peak and at the end; 0.95, 0.85, 0.95.
    pub fn momenta(mut self, begin: f64, peak: f64, end: f64) -> Self {
        self.momenta = (begin, peak, end);
        self
    }
}

impl Policy for OneCycle {
    fn schedule(&self) -> Result<ParamSchedule> {
        let Self { lr_max, div, div_final, pct_start, momenta: (begin, peak, end) } = *self;
        check_lr(lr_max)?;
        check_divisor("div", div)?;
        check_divisor("div_final", div_final)?;
        check_pct_start(pct_start)?;
        [begin, peak, end].into_iter().try_for_each(check_momentum)?;
        let lr = Schedule::combined_cosine(pct_start, lr_max / div, lr_max, lr_max / div_final)?;
        let momentum = Schedule::combined_cosine(pct_start, begin, peak, end)?;
        Ok(ParamSchedule::new(lr).momentum(momentum))
    }
}
