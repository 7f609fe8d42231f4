//! What an axis spans, and the numbers that stand at it.

use std::ops::Range;

/// About how many numbers an axis has.
pub const TICKS: usize = 6;

/// Whether a value has a place on an axis; the drawing library divides one of 1e300 without end.
pub fn can_be_seen(value: f64) -> bool {
    value.abs() <= 1e30
}

/// From the least to the largest value, with a margin; never empty.
pub fn span(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
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
pub fn tick(value: f64, range: &Range<f64>) -> String {
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
