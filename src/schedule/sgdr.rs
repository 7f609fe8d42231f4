//! Down again and again.

use super::policy::check_lr;
use super::{ParamSchedule, Policy, Schedule};
use crate::error::{Error, Result};

/// Warm restarts: the learning rate falls to 0 in a cosine and starts anew, each cycle longer than
/// the one before. fastai's `fit_sgdr` (Loshchilov and Hutter 2016,
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
    /// So many cycles from that learning rate down; the first has `cycle_length` epochs, each
    /// other twice as many as the one before.
    pub fn new(lr_max: f64, cycles: usize, cycle_length: usize) -> Self {
        Self { lr_max, cycles, cycle_length, cycle_mult: 2 }
    }

    /// How many times longer each cycle is than the one before; 2.
    pub fn cycle_mult(mut self, cycle_mult: usize) -> Self {
        self.cycle_mult = cycle_mult;
        self
    }

    /// How many epochs the fit has.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no cycle, one has no epoch, or there are more epochs than
    /// can be counted.
    pub fn epochs(&self) -> Result<usize> {
        Ok(self.lengths()?.iter().sum())
    }

    /// The epochs of each cycle.
    fn lengths(&self) -> Result<Vec<usize>> {
        for (name, value) in [
            ("the number of cycles", self.cycles),
            ("the cycle length", self.cycle_length),
            ("cycle_mult", self.cycle_mult),
        ] {
            if value == 0 {
                return Err(Error::setting(name, 0, "it must be at least 1"));
            }
        }
        let length =
            |cycle: u32| self.cycle_mult.checked_pow(cycle)?.checked_mul(self.cycle_length);
        let lengths: Option<Vec<usize>> = (0..).take(self.cycles).map(length).collect();
        let countable = |lengths: &Vec<usize>| {
            lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length)).is_some()
        };
        lengths.filter(countable).ok_or_else(|| {
            let expected = "that is more epochs than can be counted; choose fewer cycles";
            Error::setting("the number of cycles", self.cycles, expected)
        })
    }
}

impl Policy for Sgdr {
    fn schedule(&self) -> Result<ParamSchedule> {
        check_lr(self.lr_max)?;
        let (lengths, epochs) = (self.lengths()?, self.epochs()? as f64);
        let cycle = Schedule::cosine(self.lr_max, 0.0);
        let parts = lengths.into_iter().map(|length| (length as f64 / epochs, cycle.clone()));
        Ok(ParamSchedule::new(Schedule::combined(parts)?))
    }
}
