//! What an axis spans, and the numbers that stand at it.

use std::ops::Range;

use plotters::coord::ranged1d::{BoldPoints, DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;

/// About how many numbers an axis has.
pub const TICKS: usize = 6;

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// By their power of ten.
    Log,
}

impl Scale {
    /// Where a value stands on the axis; not a number where it has no place.
    pub fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            // That of 0 is infinite, and that of less is no number.
            Self::Log => value.log10(),
        }
    }

    /// From the least to the largest place, with a margin; never empty.
    pub fn span(self, places: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
        let range = span(places, margin);
        if self == Self::Log && powers(&range).count() < 2 {
            return range.start.floor()..range.end.ceil();
        }
        range
    }

    /// The axis of a range, with at most about `most` numbers.
    pub fn axis(self, range: &Range<f64>, most: usize) -> Axis {
        let line = RangedCoordf64::from(range.clone());
        let ticks = match self {
            Self::Linear => line.key_points(BoldPoints(most.min(TICKS))),
            Self::Log => {
                let step = powers(range).count().div_ceil(most);
                powers(range).step_by(step.max(1)).map(|power| power as f64).collect()
            }
        };
        Axis { line, ticks }
    }

    /// The number at a place.
    pub fn tick(self, place: f64, range: &Range<f64>) -> String {
        match self {
            Self::Linear => tick(place, range),
            Self::Log => format!("1e{place:.0}"),
        }
    }
}

/// An axis with chosen numbers, as the drawing library takes it.
pub struct Axis {
    line: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        self.line.map(place, limit)
    }

    fn key_points<H: KeyPointHint>(&self, _: H) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.line.range()
    }
}

/// The whole powers of ten between the ends.
fn powers(range: &Range<f64>) -> std::ops::RangeInclusive<i64> {
    range.start.ceil() as i64..=range.end.floor() as i64
}

/// Whether a value has a place on an axis; the drawing library divides one of 1e300 without end.
pub fn can_be_seen(value: f64) -> bool {
    value.abs() <= 1e30
}

/// From the least to the largest value, with a margin; never empty.
fn span(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (least, most) = values
        .filter(|&value| can_be_seen(value))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
    if least > most {
        return 0.0..1.0;
    }
    let range = most - least;
    // Too little for its digits is nothing as well.
    if range <= least.abs().max(most.abs()) * 1e-9 {
        let room = if least == 0.0 { 1.0 } else { least.abs() / 2.0 };
        return least - room..most + room;
    }
    least - margin * range..most + margin * range
}

/// A number at an axis, with as many digits as tell neighbours apart, and in powers of ten where
/// those would be too many.
fn tick(value: f64, range: &Range<f64>) -> String {
    let step = (range.end - range.start) / TICKS as f64;
    let largest = range.start.abs().max(range.end.abs());
    if value.abs() < step / 100.0 {
        return "0".to_owned();
    }
    if (1e-2..1e5).contains(&largest) {
        let digits = (-step.log10().floor()).max(0.0) as usize;
        return format!("{value:.digits$}");
    }
    let digits = (largest.log10().floor() - step.log10().floor()).max(0.0) as usize;
    format!("{value:.digits$e}")
}
