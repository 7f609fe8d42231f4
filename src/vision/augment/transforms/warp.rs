//! Changes of perspective.

use rand::Rng;

use super::chance::{Chance, between, described};
use crate::vision::augment::change::Change;
use crate::vision::augment::map::Map;
use crate::vision::augment::transform::Transform;

/// Changes the perspective, as if the camera stood more to the left or right, or higher or lower:
/// fastai's `Warp`. A magnitude of 0.2 moves corners by up to a tenth of a side.
/// From 0.4, a corner may lie beyond the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    magnitude: f64,
    chance: Chance,
}

impl Warp {
    /// Creates the transform; each of the two directions has a probability of 0.75.
    pub fn new(magnitude: f64) -> Self {
        Self { magnitude: magnitude.abs(), chance: Chance::new(0.75) }
    }

    /// Sets the probability of each of the two directions (default: 0.75).
    pub fn p(self, probability: f64) -> Self {
        Self { chance: Chance::new(probability), ..self }
    }
}

impl Transform for Warp {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        let [x, y] = std::array::from_fn(|_| match self.chance.draw(rng) {
            true => between(-self.magnitude, self.magnitude, rng),
            false => 0.0,
        });
        if [x, y] != [0.0; 2] {
            change.map(Map::warp([x, y]));
        }
    }

    fn describe(&self) -> String {
        described("warp", &[self.magnitude], self.chance)
    }
}
