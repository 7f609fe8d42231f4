//! One learning rate, or one for each layer group.

use crate::error::{Error, Result};

/// What a fit learns with: one rate for all, or rates that grow from the first layer group to the
/// last.
///
/// ```
/// use fastburn::learner::Rates;
///
/// assert_eq!(Rates::from(1e-3).of_groups(2)?, [1e-3, 1e-3]);
/// assert_eq!(Rates::slice(0.25, 4.0).of_groups(3)?, [0.25, 1.0, 4.0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    first: f64,
    last: f64,
}

impl Rates {
    /// fastai's `slice(first, last)`: the first group learns at `first`, the last at `last`, each
    /// of those between at the same factor more than the one before it (discriminative learning
    /// rates, Howard and Ruder 2018).
    pub fn slice(first: f64, last: f64) -> Self {
        Self { first, last }
    }

    /// The rate of the last group, from which a schedule starts out.
    pub fn last(self) -> f64 {
        self.last
    }

    /// Each group's rate; a single group has the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a rate is not a finite number of at least 0, or one of two that differ
    /// is 0.
    pub fn of_groups(self, groups: usize) -> Result<Vec<f64>> {
        for rate in [self.first, self.last] {
            if !(rate.is_finite() && rate >= 0.0) {
                let expected = "it must be a finite number of at least 0";
                return Err(Error::setting("the learning rate", rate, expected));
            }
        }
        if self.first == self.last {
            return Ok(vec![self.last; groups]);
        }
        if self.first == 0.0 || self.last == 0.0 {
            let slice = format!("from {} to {}", self.first, self.last);
            let expected = "a geometric slice has no 0; freeze what is not to learn";
            return Err(Error::setting("the learning rate", slice, expected));
        }
        let factor = self.last / self.first;
        let steps = groups.saturating_sub(1).max(1) as f64;
        let rate = |group: usize| match group + 1 == groups {
            true => self.last,
            false => self.first * factor.powf(group as f64 / steps),
        };
        Ok((0..groups).map(rate).collect())
    }
}

impl From<f64> for Rates {
    fn from(rate: f64) -> Self {
        Self::slice(rate, rate)
    }
}
