//! The writer's hand: everything that is random about an image.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::SIDE;
use super::glyphs::{Point, Stroke};

/// How far the middle of the image the glyph's own box reaches, in pixels.
const REACH: f32 = 20.0;

/// The random choices of one image.
pub struct Hand(ChaCha8Rng);

/// A bend, a slant, a turn, a size and a place.
pub struct Twist {
    bend: f32,
    slant: f32,
    turn: f32,
    size: Point,
    place: Point,
}

impl Hand {
    pub fn new(part: usize, digit: usize, index: usize) -> Self {
        let mut key = [0; 32];
        for (bytes, value) in key.chunks_exact_mut(8).zip([part, digit, index]) {
            bytes.copy_from_slice(&(value as u64).to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from `low` to `high`, all alike.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32;
        low + unit * (high - low)
    }

    /// A number from -`most` to `most`, those near 0 more often.
    fn around(&mut self, most: f32) -> f32 {
        let sum: f32 = (0..3).map(|_| self.between(-1.0, 1.0)).sum();
        sum * most / 3.0
    }

    /// A whole number below `count`.
    pub fn pick(&mut self, count: usize) -> usize {
        self.0.next_u32() as usize % count
    }

    /// The stroke with each point a little off.
    pub fn shake(&mut self, stroke: Stroke) -> Vec<Point> {
        stroke.iter().map(|point| point.map(|c| c + self.around(0.13))).collect()
    }

    pub fn twist(&mut self) -> Twist {
        let size = self.between(0.72, 1.05);
        Twist {
            bend: self.around(0.5),
            slant: 0.1 + self.around(0.7),
            turn: self.around(0.5),
            size: [size * self.between(0.6, 1.05), size],
            place: [self.around(3.5), self.around(3.0)],
        }
    }
}

impl Twist {
    /// From the glyph's box to pixels.
    pub fn apply(&self, [x, y]: Point) -> Point {
        let (x, y) = (x - 0.5, y - 0.5);
        let x = x + self.bend * (y * y - 0.08) - self.slant * y;
        let y = y + self.turn * x;
        let middle = SIDE as f32 / 2.0;
        [
            middle + REACH * self.size[0] * x + self.place[0],
            middle + REACH * self.size[1] * y + self.place[1],
        ]
    }
}
