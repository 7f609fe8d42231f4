//! Random erasing.

use rand::{Rng, RngExt};

use super::chance::{Chance, between, described};
use crate::vision::augment::change::Change;
use crate::vision::augment::transform::Transform;

/// The narrowest box has a side of 0.3 of the other one.
const LEAST_ASPECT: f64 = 0.3;
/// The number of boxes that are drawn until one fits.
const ATTEMPTS: usize = 10;

/// Fills a box with noise, so that a model does not count on one part of an object alone: Zhong et
/// al. 2017, *Random Erasing Data Augmentation*; timm's `RandomErasing` with noise for each pixel,
/// fastai's `RandomErasing`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Erase {
    largest: f64,
    chance: Chance,
}

impl Erase {
    /// Creates the transform for boxes of up to a share of the image's area, such as 0.3, with a
    /// probability of 0.5.
    pub fn new(largest: f64) -> Self {
        Self { largest: largest.abs(), chance: Chance::new(0.5) }
    }

    /// Sets the probability (default: 0.5).
    pub fn p(self, probability: f64) -> Self {
        Self { chance: Chance::new(probability), ..self }
    }
}

impl Transform for Erase {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if !self.chance.draw(rng) {
            return;
        }
        let [height, width] = change.size();
        for _ in 0..ATTEMPTS {
            let area = between(0.0, self.largest, rng) * (height * width) as f64;
            let aspect = between(LEAST_ASPECT.ln(), -LEAST_ASPECT.ln(), rng).exp();
            let rows = (area * aspect).sqrt().round() as usize;
            let columns = (area / aspect).sqrt().round() as usize;
            if rows < height && columns < width {
                let start =
                    [rng.random_range(0..=height - rows), rng.random_range(0..=width - columns)];
                change.erase(start, [rows, columns], rng.next_u64());
                return;
            }
        }
    }

    fn describe(&self) -> String {
        described("erase", &[self.largest], self.chance)
    }
}
