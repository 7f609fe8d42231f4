//! One schedule after the other.

use super::Schedule;
use crate::error::{Error, Result};

/// How far the sum of the shares may be from 1: they are rounded, as 1/3 is.
const ROUNDING: f64 = 1e-9;

impl Schedule {
    /// One schedule after the other, each over its share of the way: fastai's `combine_scheds`.
    ///
    /// ```
    /// use fastburn::schedule::Schedule;
    ///
    /// let warm_up = Schedule::linear(0.0, 1.0);
    /// let schedule = Schedule::combined([(0.2, warm_up), (0.8, Schedule::constant(1.0))])?;
    /// assert_eq!(schedule.at(0.1), 0.5);
    /// assert_eq!(schedule.at(0.6), 1.0);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a share is below 0 or they do not add up to 1.
    pub fn combined(parts: impl IntoIterator<Item = (f64, Self)>) -> Result<Self> {
        let mut parts: Vec<(f64, Self)> = parts.into_iter().collect();
        let shares: Vec<f64> = parts.iter().map(|(share, _)| *share).collect();
        let sum: f64 = shares.iter().sum();
        let complete = (sum - 1.0).abs() <= ROUNDING;
        if !complete || shares.iter().any(|&share| share < 0.0) {
            return Err(Error::setting(
                "the list of shares",
                format!("{shares:?}"),
                format!("none may be below 0, and they must add up to 1, not to {sum}"),
            ));
        }
        // Nothing can be spread over no room at all.
        parts.retain(|(share, _)| *share > 0.0);
        let begins: Vec<f64> = parts
            .iter()
            .scan(0.0, |end, (share, _)| Some(std::mem::replace(end, *end + share)))
            .collect();
        Ok(Self::new(move |progress| {
            let index = begins.partition_point(|begin| *begin <= progress).saturating_sub(1);
            let (share, schedule) = &parts[index];
            schedule.at((progress - begins[index]) / share)
        }))
    }

    /// Half a wave from `start` to `middle`, which is reached at `pct_start` of the way, and one
    /// from there to `end`: fastai's `combined_cos`.
    ///
    /// ```
    /// use fastburn::schedule::Schedule;
    ///
    /// let schedule = Schedule::combined_cosine(0.25, 0.1, 1.0, 0.0)?;
    /// assert_eq!([schedule.at(0.0), schedule.at(0.25), schedule.at(1.0)], [0.1, 1.0, 0.0]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `pct_start` is not from 0 to 1.
    pub fn combined_cosine(pct_start: f64, start: f64, middle: f64, end: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&pct_start) {
            return Err(Error::setting("pct_start", pct_start, "it must be from 0 to 1"));
        }
        Self::combined([
            (pct_start, Self::cosine(start, middle)),
            (1.0 - pct_start, Self::cosine(middle, end)),
        ])
    }
}
