//! Flat, then down.

use super::policy::{check_divisor, check_lr, check_pct_start};
use super::{ParamSchedule, Policy, Schedule};
use crate::error::Result;

/// One learning rate for most of the fit, then down to almost nothing in a cosine: fastai's
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
    /// That learning rate and fastai's defaults.
    pub fn new(lr: f64) -> Self {
        Self { lr, div_final: 1e5, pct_start: 0.75 }
    }

    /// The last learning rate is the first divided by this; 100 000.
    pub fn div_final(mut self, div_final: f64) -> Self {
        self.div_final = div_final;
        self
    }

    /// The share of the fit in which the learning rate stays, above 0 and at most 1; 0.75.
    pub fn pct_start(mut self, pct_start: f64) -> Self {
        self.pct_start = pct_start;
        self
    }
}

impl Policy for FlatCosine {
    fn schedule(&self) -> Result<ParamSchedule> {
        let Self { lr, div_final, pct_start } = *self;
        check_lr(lr)?;
        check_divisor("div_final", div_final)?;
        check_pct_start(pct_start)?;
        let lr = Schedule::combined_cosine(pct_start, lr, lr, lr / div_final)?;
        Ok(ParamSchedule::new(lr))
    }
}
