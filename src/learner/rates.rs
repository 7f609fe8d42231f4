//! The learning rates of the layer groups.

use crate::checks;
use crate::error::{Error, Result};
use crate::printable::short_number;

/// How much lower than the last group's rate the others are in [`Rates::slice_to`].
const TENTH: f64 = 10.0;

/// The learning rates of a fit: one for all layer groups, or geometrically spaced ones from the
/// first group to the last.
///
/// ```
/// use fastburn::learner::Rates;
///
/// assert_eq!(Rates::from(1e-3).of_groups(2)?, [1e-3, 1e-3]);
/// assert_eq!(Rates::slice(0.25, 4.0).of_groups(3)?, [0.25, 1.0, 4.0]);
/// assert_eq!(Rates::slice_to(4.0).of_groups(3)?, [0.4, 0.4, 4.0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    first: f64,
    last: f64,
    between: Between,
}

/// The rates of the groups between the first one and the last one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Between {
    /// With a constant ratio between neighbours.
    Geometric,
    /// The first one's.
    First,
}

impl Rates {
    /// Creates rates from `first` for the first layer group to `last` for the last one, with a
    /// constant ratio between neighbours: fastai's `slice(first, last)` (discriminative learning
    /// rates, Howard and Ruder 2018).
    pub fn slice(first: f64, last: f64) -> Self {
        Self { first, last, between: Between::Geometric }
    }

    /// Creates the rate `last` for the last layer group and a tenth of it for all others: fastai's
    /// `slice(last)`.
    pub fn slice_to(last: f64) -> Self {
        Self { first: last / TENTH, last, between: Between::First }
    }

    /// Returns the rate of the last group, on which a schedule is based.
    pub fn last(self) -> f64 {
        self.last
    }

    /// Returns each group's rate; a single group has the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a rate is negative, NaN or infinite, or if the two rates differ and
    /// one of them is 0.
    pub fn of_groups(self, groups: usize) -> Result<Vec<f64>> {
        for rate in [self.first, self.last] {
            checks::at_least_zero("learning rate", rate)?;
        }
        if self.first == self.last {
            return Ok(vec![self.last; groups]);
        }
        if self.first == 0.0 || self.last == 0.0 {
            let slice = format!("from {} to {}", short_number(self.first), short_number(self.last));
            let error = Error::setting("learning rates", slice, "both above 0");
            return Err(error.with_remedy("freeze the groups that should not train".into()));
        }
        let factor = self.last / self.first;
        let steps = groups.saturating_sub(1).max(1) as f64;
        let rate = |group: usize| match self.between {
            _ if group + 1 == groups => self.last,
            Between::Geometric => self.first * factor.powf(group as f64 / steps),
            Between::First => self.first,
        };
        Ok((0..groups).map(rate).collect())
    }
}

impl From<f64> for Rates {
    fn from(rate: f64) -> Self {
        Self::slice(rate, rate)
    }
}
