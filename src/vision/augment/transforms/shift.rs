//! Shifts.

use rand::Rng;

use super::chance::{Chance, between, described};
use crate::vision::augment::change::Change;
use crate::vision::augment::map::Map;
use crate::vision::augment::transform::Transform;

/// Shifts images along both sides, by up to a share of each: torchvision's `RandomAffine(0,
/// translate)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    share: f64,
    chance: Chance,
}

impl Shift {
    /// Creates the transform, with a probability of 0.75.
    pub fn new(share: f64) -> Self {
        Self { share: share.abs(), chance: Chance::new(0.75) }
    }

    /// Sets the probability (default: 0.75).
    pub fn p(self, probability: f64) -> Self {
        Self { chance: Chance::new(probability), ..self }
    }
}

impl Transform for Shift {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            let [height, width] = change.size();
            // A side is 2 · n / (n - 1) long, in places from the first to the last centre.
            let [x, y] = [width, height].map(|side| {
                let side = 2.0 * side as f64 / side.saturating_sub(1).max(1) as f64;
                side * between(-self.share, self.share, rng)
            });
            change.map(Map::affine([[1.0, 0.0, x], [0.0, 1.0, y]]));
        }
    }

    fn describe(&self) -> String {
        described("shift", &[self.share], self.chance)
    }
}
