//! Changes of hue.

use rand::Rng;

use super::chance::{Chance, described, factor};
use crate::vision::augment::change::Change;
use crate::vision::augment::transform::Transform;

/// Turns the colours along the circle of hues: fastai's `Hue`. 0.1 turns them by up to a tenth of
/// the circle. Grey images stay as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hue {
    most: f64,
    chance: Chance,
}

impl Hue {
    /// Creates the transform, with a probability of 0.75. `most` is below 1.
    pub fn new(most: f64) -> Self {
        Self { most: most.abs().min(0.999), chance: Chance::new(0.75) }
    }

    /// Sets the probability (default: 0.75).
    pub fn p(self, probability: f64) -> Self {
        Self { chance: Chance::new(probability), ..self }
    }
}

impl Transform for Hue {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            change.turn_hue(factor(self.most, rng) - 1.0);
        }
    }

    fn describe(&self) -> String {
        described("hue", &[self.most], self.chance)
    }
}
