//! Rotation.

use rand::Rng;

use super::chance::{Chance, between, described};
use crate::vision::augment::change::Change;
use crate::vision::augment::map::Map;
use crate::vision::augment::transform::Transform;

/// Rotates images around their centre, by up to an angle in degrees in either direction: fastai's
/// `Rotate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotate {
    degrees: f64,
    chance: Chance,
}

impl Rotate {
    /// Creates the transform, with a probability of 0.75.
    pub fn new(degrees: f64) -> Self {
        Self { degrees: degrees.abs(), chance: Chance::new(0.75) }
    }

    /// Sets the probability (default: 0.75).
    pub fn p(self, probability: f64) -> Self {
        Self { chance: Chance::new(probability), ..self }
    }
}

impl Transform for Rotate {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            let degrees = between(-self.degrees, self.degrees, rng);
            change.map(Map::rotation(degrees, change.size()));
        }
    }

    fn describe(&self) -> String {
        described("rotate", &[self.degrees], self.chance)
    }
}
