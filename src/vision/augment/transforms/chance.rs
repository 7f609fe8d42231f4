//! The probability of a transform, and the text of its settings.

use rand::{Rng, RngExt};

/// The probability that something happens to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chance(f64);

impl Chance {
    /// Creates a probability; less than 0 counts as 0, more than 1 as 1, and NaN as 0.
    pub fn new(probability: f64) -> Self {
        Self(if probability > 0.0 { probability.min(1.0) } else { 0.0 })
    }

    pub fn draw(self, rng: &mut dyn Rng) -> bool {
        rng.random_bool(self.0)
    }
}

/// Returns a transform's name, its numbers and its probability: `rotate=10@0.75`.
pub(super) fn described(name: &str, numbers: &[f64], Chance(probability): Chance) -> String {
    let numbers: Vec<_> = numbers.iter().map(f64::to_string).collect();
    match numbers.as_slice() {
        [] => format!("{name}@{probability}"),
        numbers => format!("{name}={}@{probability}", numbers.join("..")),
    }
}

/// Draws a number from a range, whose ends may be in either order or equal.
pub(super) fn between(one: f64, other: f64, rng: &mut dyn Rng) -> f64 {
    let (low, high) = (one.min(other), one.max(other));
    if low < high && (high - low).is_finite() { rng.random_range(low..=high) } else { one }
}

/// Draws a factor from `1 - most` to its reciprocal, as likely below 1 as above.
pub(super) fn factor(most: f64, rng: &mut dyn Rng) -> f64 {
    let limit = (1.0 - most).ln();
    between(limit, -limit, rng).exp()
}
