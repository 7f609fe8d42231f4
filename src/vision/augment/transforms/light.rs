//! Brightness, contrast and saturation.

use rand::Rng;

use super::chance::{Chance, between, described, factor};
use crate::vision::augment::change::Change;
use crate::vision::augment::transform::Transform;

/// Makes images brighter or darker: fastai's `Brightness`. 0.2 makes a value of 0.5 one from 0.4 to
/// 0.6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brightness {
    most: f64,
    chance: Chance,
}

/// Strengthens or weakens the contrast: fastai's `Contrast`. 0.2 multiplies logits by 0.8 to 1.25.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    most: f64,
    chance: Chance,
}

/// Strengthens or weakens the colours: fastai's `Saturation`. 0.2 multiplies their differences from
/// grey by 0.8 to 1.25. Grey images stay as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saturation {
    most: f64,
    chance: Chance,
}

macro_rules! by_share {
    ($type:ident) => {
        impl $type {
            /// Creates the transform, with a probability of 0.75. `most` is below 1.
            pub fn new(most: f64) -> Self {
                Self { most: most.abs().min(0.999), chance: Chance::new(0.75) }
            }

            /// Sets the probability (default: 0.75).
            pub fn p(self, probability: f64) -> Self {
                Self { chance: Chance::new(probability), ..self }
            }
        }
    };
}
by_share!(Brightness);
by_share!(Contrast);
by_share!(Saturation);

impl Transform for Brightness {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            let value = between(0.5 * (1.0 - self.most), 0.5 * (1.0 + self.most), rng);
            change.brighten((value / (1.0 - value)).ln());
        }
    }

    fn describe(&self) -> String {
        described("brightness", &[self.most], self.chance)
    }
}

impl Transform for Contrast {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            change.change_contrast(factor(self.most, rng));
        }
    }

    fn describe(&self) -> String {
        described("contrast", &[self.most], self.chance)
    }
}

impl Transform for Saturation {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.chance.draw(rng) {
            change.saturate(factor(self.most, rng));
        }
    }

    fn describe(&self) -> String {
        described("saturation", &[self.most], self.chance)
    }
}
