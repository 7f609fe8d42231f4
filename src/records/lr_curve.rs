//! The loss over a growing learning rate, and what it suggests: plain values.

use serde::{Deserialize, Serialize};

use super::history::nonfinite;

/// How many records at the end are left out: there the loss flies off.
const SKIPPED_END: usize = 5;
/// A slope needs two records.
const FEWEST: usize = 2;
/// The sides of the slide rule, that many records apart, and how little their slopes may differ.
const SLIDE_WIDTH: usize = 15;
const SLIDE_THRESHOLD: f32 = 0.005;
/// How many times one suggestion may be another before they are worth a warning.
const LARGEST_RATIO: f64 = 100.0;

/// What a search for a learning rate found: the smoothed loss at each learning rate that was tried,
/// as fastai's `lr_find` records it.
///
/// The suggestions are fastai's. They look at neither the first tenth of the records, where the
/// smoothed loss still settles, nor the last five, and at none from the first on whose loss is no
/// number. Each is `None` where too few are left for it.
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
    /// The loss, smoothed as fastai smooths it, `[steps]`; NaN where it was no number any more.
    #[serde(with = "nonfinite")]
    pub losses: Vec<f64>,
    /// How many steps were asked for; a search that diverges takes fewer.
    pub num_it: usize,
}

impl LrCurve {
    /// The learning rate that fastai suggests by default: [`valley`](Self::valley).
    pub fn suggestion(&self) -> Option<f64> {
        self.valley()
    }

    /// Each suggestion with its name, the default first.
    pub fn suggestions(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("valley", self.valley()),
            ("slide", self.slide()),
            ("minimum", self.minimum()),
            ("steep", self.steep()),
        ]
    }

    /// Halfway down the longest valley, the most records of which each is below the one before:
    /// fastai's `valley`.
    pub fn valley(&self) -> Option<f64> {
        let (lrs, losses) = self.seen()?;
        // How many records the longest descent to each has, itself among them.
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

    /// A tenth of where the loss is lowest: fastai's `minimum`.
    pub fn minimum(&self) -> Option<f64> {
        let (lrs, losses) = self.seen()?;
        Some(lrs[lowest(&losses)?] / 10.0)
    }

    /// Where the loss falls fastest over the logarithm of the learning rate: fastai's `steep`.
    pub fn steep(&self) -> Option<f64> {
        let (lrs, losses) = self.seen()?;
        let logs: Vec<f32> = lrs.iter().map(|&lr| (lr as f32).ln()).collect();
        let slopes =
            logs.windows(2).zip(losses.windows(2)).map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0]));
        Some(lrs[lowest(&slopes.collect::<Vec<_>>())?])
    }

    /// The left side of a rule, 15 records wide, that slides down from the highest learning rate
    /// until the loss has the same slope at both sides: fastai's `slide`.
    pub fn slide(&self) -> Option<f64> {
        let (lrs, losses) = self.seen()?;
        let slopes = slopes(&losses);
        let first = losses.len().checked_sub(SLIDE_WIDTH + 1)?;
        let differ =
            |&left: &usize| (slopes[left + SLIDE_WIDTH] - slopes[left]).abs() > SLIDE_THRESHOLD;
        let last = (0..=first).rev().take_while(differ).last().unwrap_or(first);
        Some(lrs[last])
    }

    /// A line to be shown beside the suggestions: that there are none, or that they are far apart.
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
                "the curve is too short for a suggestion; take more steps, or begin at a smaller \
                 learning rate"
                    .to_owned(),
            );
        };
        let ratio = most / least;
        (ratio > LARGEST_RATIO).then(|| {
            format!(
                "the suggestions differ by a factor of {ratio:.1e}, from {least:.1e} ({low}) to \
                 {most:.1e} ({high}); look at the curve, and take a learning rate at which the \
                 loss falls steeply, well before its lowest"
            )
        })
    }

    /// The records that suggestions are made from; `None` if there are too few for any.
    ///
    /// Losses as fastai has them: what is lowest must not hang on digits that those do not have.
    fn seen(&self) -> Option<(&[f64], Vec<f32>)> {
        let end = self.losses.len().min(self.lrs.len()).saturating_sub(SKIPPED_END);
        let start = self.num_it / 10;
        let losses = self.losses.get(start..end)?.iter().map(|&loss| loss as f32);
        let losses: Vec<f32> = losses.take_while(|loss| loss.is_finite()).collect();
        let enough = losses.len() >= FEWEST;
        enough.then(|| (&self.lrs[start..start + losses.len()], losses))
    }
}

/// Where the lowest value is, the first of several.
fn lowest(values: &[f32]) -> Option<usize> {
    (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b]))
}

/// The slope at each of at least two values, as numpy's `gradient` has it: between both
/// neighbours, and at the ends to the only one.
fn slopes(values: &[f32]) -> Vec<f32> {
    let last = values.len() - 1;
    let slope = |index: usize| match index {
        0 => values[1] - values[0],
        _ if index == last => values[last] - values[last - 1],
        _ => (values[index + 1] - values[index - 1]) / 2.0,
    };
    (0..values.len()).map(slope).collect()
}
