//! The range of an axis, and its ticks.

use std::ops::Range;

use plotters::coord::ranged1d::{BoldPoints, DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;

/// The approximate number of ticks on an axis.
pub const TICKS: usize = 6;

/// The scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// Logarithmic, to base 10.
    Log,
}

impl Scale {
    /// Returns a value's position on the axis; NaN or infinite if it has none.
    pub fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            // Infinite at 0, and NaN below.
            Self::Log => value.log10(),
        }
    }

    /// Returns the range from the least to the largest position, with a margin; never empty.
    pub fn span(self, places: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
        let range = span(places, margin);
        if self == Self::Log && powers(&range).count() < 2 {
            return range.start.floor()..range.end.ceil();
        }
        range
    }

    /// Returns the axis of a range, with at most about `most` ticks.
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

    /// Formats the number at a position.
    pub fn tick(self, place: f64, range: &Range<f64>) -> String {
        match self {
            Self::Linear => tick(place, range),
            Self::Log => format!("1e{place:.0}"),
        }
    }
}

/// An axis with given ticks, for the drawing library.
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

/// Returns the exponents of the powers of ten in the range.
fn powers(range: &Range<f64>) -> std::ops::RangeInclusive<i64> {
    range.start.ceil() as i64..=range.end.floor() as i64
}

/// Returns whether a value can be drawn. The drawing library loops forever at 1e300.
pub fn can_be_seen(value: f64) -> bool {
    value.abs() <= 1e30
}

/// Returns the range from the least to the largest value, with a margin; never empty.
fn span(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (least, most) = values
        .filter(|&value| can_be_seen(value))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
    if least > most {
        return 0.0..1.0;
    }
    let range = most - least;
    // A range that is tiny compared with its ends counts as empty too.
    if range <= least.abs().max(most.abs()) * 1e-9 {
        let room = if least == 0.0 { 1.0 } else { least.abs() / 2.0 };
        return least - room..most + room;
    }
    least - margin * range..most + margin * range
}

/// Formats a tick with as many digits as neighbours need to differ, and in scientific notation if
/// these would be too many.
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
