//! Zoom.

use rand::Rng;

use super::chance::{Chance, between, described};
use crate::vision::augment::change::Change;
use crate::vision::augment::map::Map;
use crate::vision::augment::transform::Transform;

/// Enlarges images by a factor from a range, around a random place: fastai's `Zoom`. A factor below 1
/// shows what is beyond the border.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zoom {
    range: [f64; 2],
    chance: Chance,
}

impl Zoom {
    /// Creates the transform for factors from `least` to `most`, with a probability of 0.75.
    pub fn new(least: f64, most: f64) -> Self {
        Self { range: [least, most], chance: Chance::new(0.75) }
    }

    /// Sets the probability (default: 0.75).
    pub fn p(self, probability: f64) -> Self {
        Self { chance: Chance::new(probability), ..self }
    }
}

impl Transform for Zoom {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            let factor = between(self.range[0], self.range[1], rng);
            let place = std::array::from_fn(|_| between(-1.0, 1.0, rng));
            change.map(Map::zoom(factor, place));
        }
    }

    fn describe(&self) -> String {
        described("zoom", &self.range, self.chance)
    }
}
