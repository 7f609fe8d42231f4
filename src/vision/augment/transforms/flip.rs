//! Mirroring.

use rand::{Rng, RngExt};

use super::chance::{Chance, described};
use crate::vision::augment::change::Change;
use crate::vision::augment::map::Map;
use crate::vision::augment::transform::Transform;

/// Mirrors images left to right, by default half of them: fastai's `Flip`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip(Chance);

impl Flip {
    /// Creates the transform, with a probability of 0.5.
    pub fn new() -> Self {
        Self(Chance::new(0.5))
    }

    /// Sets the probability (default: 0.5).
    pub fn p(self, probability: f64) -> Self {
        Self(Chance::new(probability))
    }
}

impl Default for Flip {
    fn default() -> Self {
        Self::new()
    }
}

impl Transform for Flip {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if self.0.draw(rng) {
            change.map(Map::mirror());
        }
    }

    fn describe(&self) -> String {
        described("flip", &[], self.0)
    }
}

/// Mirrors images and turns them by quarters, in one of eight ways, of which one leaves an image as it
/// is: fastai's `Dihedral`. For images that have no upper side, such as those of a microscope or from
/// above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dihedral(Chance);

impl Dihedral {
    /// Creates the transform, with a probability of 0.5.
    pub fn new() -> Self {
        Self(Chance::new(0.5))
    }

    /// Sets the probability (default: 0.5).
    pub fn p(self, probability: f64) -> Self {
        Self(Chance::new(probability))
    }
}

impl Default for Dihedral {
    fn default() -> Self {
        Self::new()
    }
}

impl Transform for Dihedral {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        if !self.0.draw(rng) {
            return;
        }
        let [mirrors_columns, mirrors_rows, swaps] = std::array::from_fn(|_| rng.random_bool(0.5));
        let sign = |mirrors: bool| if mirrors { -1.0 } else { 1.0 };
        let (x, y) = (sign(mirrors_columns), sign(mirrors_rows));
        if swaps {
            // A quarter turn of an image that is not square shows its middle, undistorted.
            let [height, width] = change.size().map(|side| side as f64);
            let ratio = height / width;
            change.map(Map::affine([[0.0, x * ratio, 0.0], [y / ratio, 0.0, 0.0]]));
        } else {
            change.map(Map::affine([[x, 0.0, 0.0], [0.0, y, 0.0]]));
        }
    }

    fn describe(&self) -> String {
        described("dihedral", &[], self.0)
    }
}
