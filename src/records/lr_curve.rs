//! The loss over a growing learning rate, and the learning rates that it suggests.

use serde::{Deserialize, Serialize};

use super::history::nonfinite;

/// The number of records ignored at the end, where the loss explodes.
const SKIPPED_END: usize = 5;
/// The fewest records that have a slope.
const FEWEST: usize = 2;
/// The width of the sliding interval, in records, and the tolerance within which slopes are equal.
const SLIDE_WIDTH: usize = 15;
const SLIDE_THRESHOLD: f32 = 0.005;
/// The ratio between two suggestions above which there is a warning.
const LARGEST_RATIO: f64 = 100.0;

/// The result of the learning rate finder: the smoothed loss at each learning rate that was tried,
/// as fastai's `lr_find` records it.
///
/// The suggestions are fastai's. They ignore the first tenth of the records, where the smoothed
/// loss is still settling, the last five, and all from the first NaN or infinite loss on. A
/// suggestion is `None` if too few records remain for it.
///
/// ```
/// use fastburn::records::LrCurve;
///
/// let lrs: Vec<f64> = (0..50).map(|step| 1e-5 * 1.25_f64.powi(step)).collect();
/// let losses = lrs.iter().map(|lr| (lr.log10() + 2.0).powi(2) + 1.0).collect();
/// let curve = LrCurve { lrs, losses, num_it: 50 };
/// let (suggested, lowest) = (curve.suggestion().unwrap(), 1e-2);
/// assert!(suggested > lowest / 100.0 && suggested < lowest);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LrCurve {
    /// The learning rates, rising, `[steps]`.
    pub lrs: Vec<f64>,
    /// The loss, smoothed as in fastai, `[steps]`; NaN or infinite if training diverged.
    #[serde(with = "nonfinite")]
    pub losses: Vec<f64>,
    /// The number of steps requested; a search that diverges takes fewer.
    pub num_it: usize,
}

impl LrCurve {
    /// Returns the learning rate that fastai suggests by default: [`valley`](Self::valley).
    pub fn suggestion(&self) -> Option<f64> {
        self.valley()
    }

    /// Returns each suggestion with its name, the default first.
    pub fn suggestions(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("valley", self.valley()),
            ("slide", self.slide()),
            ("minimum", self.minimum()),
            ("steep", self.steep()),
        ]
    }

    /// Returns the learning rate halfway down the longest valley, which is the longest decreasing
    /// subsequence of the losses: fastai's `valley`.
    pub fn valley(&self) -> Option<f64> {
        let (lrs, losses) = self.usable()?;
        // The length of the longest decreasing subsequence that ends at each record.
        let mut lengths = vec![1; losses.len()];
        for end in 1..losses.len() {
            let above = (0..end).filter(|&before| losses[end] < losses[before]);
            lengths[end] = above.map(|before| lengths[before] + 1).max().unwrap_or(1);
        }
        let length = lengths.iter().copied().max()?;
        let end = lengths.iter().position(|&other| other == length)?;
        let third = length as f64 / 3.0;
        let down = third as usize + (third / 2.0) as usize;
        lrs.get((end + down).saturating_sub(length)).copied()
    }

    /// Returns a tenth of the learning rate with the lowest loss: fastai's `minimum`.
    pub fn minimum(&self) -> Option<f64> {
        let (lrs, losses) = self.usable()?;
        Some(lrs[lowest(&losses)?] / 10.0)
    }

    /// Returns the learning rate of the steepest descent, on a logarithmic axis: fastai's `steep`.
    pub fn steep(&self) -> Option<f64> {
        let (lrs, losses) = self.usable()?;
        let logs: Vec<f32> = lrs.iter().map(|&lr| (lr as f32).ln()).collect();
        let slopes =
            logs.windows(2).zip(losses.windows(2)).map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0]));
        Some(lrs[lowest(&slopes.collect::<Vec<_>>())?])
    }

    /// Returns the left side of an interval, 15 records wide, that slides down from the highest
    /// learning rate until the loss has the same slope at both sides: fastai's `slide`.
    pub fn slide(&self) -> Option<f64> {
        let (lrs, losses) = self.usable()?;
        let slopes = slopes(&losses);
        let first = losses.len().checked_sub(SLIDE_WIDTH + 1)?;
        let differ =
            |&left: &usize| (slopes[left + SLIDE_WIDTH] - slopes[left]).abs() > SLIDE_THRESHOLD;
        let last = (0..=first).rev().take_while(differ).last().unwrap_or(first);
        Some(lrs[last])
    }

    /// Returns a one-line warning if there are no suggestions or if they are far apart.
    ///
    /// ```
    /// let short = fastburn::records::LrCurve { lrs: vec![1e-7], losses: vec![2.3], num_it: 100 };
    /// assert!(short.warning().unwrap().contains("too short"));
    /// ```
    pub fn warning(&self) -> Option<String> {
        let mut found: Vec<(f64, &str)> = self
            .suggestions()
            .into_iter()
            .filter_map(|(name, suggestion)| Some((suggestion?, name)))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (Some((least, low)), Some((most, high))) = (found.first(), found.last()) else {
            return Some(
                "the curve is too short for a suggestion; take more steps, or start at a smaller \
                 learning rate"
                    .to_owned(),
            );
        };
        let ratio = most / least;
        (ratio > LARGEST_RATIO).then(|| {
            format!(
                "the suggestions differ by a factor of {ratio:.1e}, from {least:.1e} ({low}) to \
                 {most:.1e} ({high}); look at the curve and choose a learning rate at which the \
                 loss falls steeply, well before its minimum"
            )
        })
    }

    /// Returns the records for the suggestions; `None` if there are too few for any.
    ///
    /// The losses are in fastai's precision, so that the lowest one is the same as there.
    fn usable(&self) -> Option<(&[f64], Vec<f32>)> {
        let end = self.losses.len().min(self.lrs.len()).saturating_sub(SKIPPED_END);
        let start = self.num_it / 10;
        let losses = self.losses.get(start..end)?.iter().map(|&loss| loss as f32);
        let losses: Vec<f32> = losses.take_while(|loss| loss.is_finite()).collect();
        let enough = losses.len() >= FEWEST;
        enough.then(|| (&self.lrs[start..start + losses.len()], losses))
    }
}

/// Returns the index of the lowest value, the first one in case of a tie.
fn lowest(values: &[f32]) -> Option<usize> {
    (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b]))
}

/// Returns the slope at each of at least two values, as numpy's `gradient`: between its neighbours,
/// and at each end between the value and its only neighbour.
fn slopes(values: &[f32]) -> Vec<f32> {
    let last = values.len() - 1;
    let slope = |index: usize| match index {
        0 => values[1] - values[0],
        _ if index == last => values[last] - values[last - 1],
        _ => (values[index + 1] - values[index - 1]) / 2.0,
    };
    (0..values.len()).map(slope).collect()
}
