//! Policies of one setting or none, which choose among many transforms.

use rand::{Rng, RngExt};

use crate::vision::augment::change::Change;
use crate::vision::augment::levels::Levels;
use crate::vision::augment::map::Map;
use crate::vision::augment::transform::Transform;

/// The number of magnitudes, from the least to the most.
const MAGNITUDES: usize = 31;

/// Applies two random transforms of one magnitude to each image: Cubuk et al. 2019, *RandAugment*,
/// as in torchvision.
///
/// The transforms are shears, shifts, rotations, changes of brightness, colour, contrast and
/// sharpness, posterizing, solarizing, automatic contrast, equalizing, and none. Changes of place
/// come first, as one map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandAugment {
    magnitude: usize,
}

impl RandAugment {
    /// Creates the transform with a magnitude from 0 to 30; 9 is usual.
    pub fn new(magnitude: usize) -> Self {
        Self { magnitude: magnitude.min(MAGNITUDES - 1) }
    }
}

/// Applies one random transform of random magnitude to each image: Müller and Hutter 2021,
/// *TrivialAugment*, with the wide ranges, as in torchvision. The transforms are those of
/// [`RandAugment`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrivialAugment;

/// The largest magnitudes.
struct Ranges {
    shear: f64,
    shift: Distance,
    degrees: f64,
    level: f64,
    /// The number of bits that are lost.
    bits: f64,
}

/// How far an image is shifted.
enum Distance {
    Share(f64),
    Pixels(f64),
}

impl Transform for RandAugment {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        let ranges = Ranges {
            shear: 0.3,
            shift: Distance::Share(150.0 / 331.0),
            degrees: 30.0,
            level: 0.9,
            bits: 4.0,
        };
        for _ in 0..2 {
            draw(&ranges, self.magnitude, change, rng);
        }
    }

    fn describe(&self) -> String {
        format!("randaugment={}", self.magnitude)
    }
}

impl Transform for TrivialAugment {
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
        let ranges = Ranges {
            shear: 0.99,
            shift: Distance::Pixels(32.0),
            degrees: 135.0,
            level: 0.99,
            bits: 6.0,
        };
        let magnitude = rng.random_range(0..MAGNITUDES);
        draw(&ranges, magnitude, change, rng);
    }

    fn describe(&self) -> String {
        "trivialaugment".to_owned()
    }
}

/// Draws one of fourteen transforms.
fn draw(ranges: &Ranges, magnitude: usize, change: &mut Change, rng: &mut dyn Rng) {
    let share = magnitude as f64 / (MAGNITUDES - 1) as f64;
    let sign = if rng.random_bool(0.5) { -1.0 } else { 1.0 };
    let [height, width] = change.size();
    let ratio = height as f64 / width as f64;
    let shear = sign * share * ranges.shear;
    let shift = |side: usize| {
        let pixels = match ranges.shift {
            Distance::Share(most) => most * side as f64,
            Distance::Pixels(most) => most,
        };
        2.0 * sign * (share * pixels).trunc() / side.saturating_sub(1).max(1) as f64
    };
    let factor = (1.0 + sign * share * ranges.level) as f32;
    let levels = match rng.random_range(0..14) {
        0 => return,
        1 => return change.map(Map::affine([[1.0, shear * ratio, 0.0], [0.0, 1.0, 0.0]])),
        2 => return change.map(Map::affine([[1.0, 0.0, 0.0], [shear / ratio, 1.0, 0.0]])),
        3 => return change.map(Map::affine([[1.0, 0.0, shift(width)], [0.0, 1.0, 0.0]])),
        4 => return change.map(Map::affine([[1.0, 0.0, 0.0], [0.0, 1.0, shift(height)]])),
        5 => return change.map(Map::rotation(sign * share * ranges.degrees, change.size())),
        6 => Levels::Brightness(factor),
        7 => Levels::Colour(factor),
        8 => Levels::Contrast(factor),
        9 => Levels::Sharpness(factor),
        10 => Levels::Posterize(8 - (share * ranges.bits).round() as u32),
        11 => Levels::Solarize((1.0 - share) as f32),
        12 => Levels::AutoContrast,
        _ => Levels::Equalize,
    };
    change.pixels(move |values, shape| levels.apply(values, shape));
}
