//! What happens to one image.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::hues::turn_hue;
use super::logits::Light;
use super::map::Map;
use super::sample::{Original, sample};
use crate::vision::padding::Padding;
use crate::vision::scaling::Scaling;

/// What happens to one image, as [transforms](super::Transform) have drawn it.
///
/// It happens in this order, whatever the order of the transforms: all maps as one, with one
/// interpolation; brightness, contrast and saturation; hue; functions of pixels; boxes of noise. The
/// values are then scaled for the model.
pub struct Change {
    size: [usize; 2],
    pub(super) map: Map,
    pub(super) light: Light,
    pub(super) hue: f64,
    pub(super) functions: Vec<PixelFunction>,
    pub(super) boxes: Vec<NoiseBox>,
}

/// A function of the values of an image, `[channels, height, width]` from 0 to 1, and its shape.
pub(super) type PixelFunction = Box<dyn FnOnce(&mut [f32], [usize; 3]) + Send>;

/// A box that is filled with noise.
pub(super) struct NoiseBox {
    /// The first row and column.
    start: [usize; 2],
    /// The rows and columns.
    size: [usize; 2],
    /// Of the noise.
    seed: u64,
}

impl Change {
    /// Creates the change of an image of `[height, width]` to which nothing happens.
    pub(super) fn new(size: [usize; 2]) -> Self {
        Self {
            size,
            map: Map::identity(),
            light: Light::UNCHANGED,
            hue: 0.0,
            functions: Vec::new(),
            boxes: Vec::new(),
        }
    }

    /// Returns the `[height, width]` of the image, in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Changes where pixels come from, in the image as it was changed so far.
    pub fn map(&mut self, map: Map) {
        self.map = self.map.then(map);
    }

    /// Adds to the logit of each value: fastai's `Brightness`. 0 changes nothing.
    pub fn brighten(&mut self, logit: f64) {
        self.light.brightness += logit as f32;
    }

    /// Multiplies the logit of each value: fastai's `Contrast`. 1 changes nothing.
    pub fn change_contrast(&mut self, factor: f64) {
        self.light.contrast *= factor as f32;
    }

    /// Multiplies the difference of the logit of each colour from that of grey: fastai's
    /// `Saturation`. 1 changes nothing, and a grey image stays as it is.
    pub fn saturate(&mut self, factor: f64) {
        self.light.saturation *= factor as f32;
    }

    /// Turns the hue by a share of the circle of hues: fastai's `Hue`.
    pub fn turn_hue(&mut self, share: f64) {
        self.hue += share;
    }

    /// Adds a function of the values of the image, `[channels, height, width]` from 0 to 1, and of
    /// this shape.
    pub fn pixels(&mut self, function: impl FnOnce(&mut [f32], [usize; 3]) + Send + 'static) {
        self.functions.push(Box::new(function));
    }

    /// Fills a box, from its first row and column, of so many rows and columns, with normal noise
    /// of the mean and deviation that the scaling makes 0 and 1, or of mean ½ and deviation ¼ if
    /// the values are only scaled to [0, 1]. `seed` is that of the noise.
    pub fn erase(&mut self, start: [usize; 2], size: [usize; 2], seed: u64) {
        self.boxes.push(NoiseBox { start, size, seed });
    }

    /// Applies the changes to an image. Fills `out` with the model's input, `[channels, height,
    /// width]`. `frame` says where the unchanged image lies in the original.
    pub(in crate::vision) fn apply(
        self,
        original: Original<'_>,
        frame: Map,
        padding: Padding,
        scaling: &Scaling,
        out: &mut [f32],
    ) {
        let [channels, ..] = original.shape;
        let [height, width] = self.size;
        let map = frame.then(between_pixels(self.map, self.size));
        if map == Map::identity() && original.shape == [channels, height, width] {
            for (value, pixel) in out.iter_mut().zip(original.pixels) {
                *value = f32::from(*pixel);
            }
        } else {
            sample(original, map, padding, self.size, out);
        }
        out.iter_mut().for_each(|value| *value /= 255.0);
        if self.light != Light::UNCHANGED {
            self.light.apply(out, height * width);
        }
        if self.hue != 0.0 {
            turn_hue(out, height * width, self.hue as f32);
        }
        for function in self.functions {
            function(out, [channels, height, width]);
        }
        scaling.scale_unit(out, channels);
        for noise in self.boxes {
            noise.fill(out, [height, width], scaling);
        }
    }
}

/// Returns a map of places, from -1 to 1, as one of pixels of an image of that size.
pub(super) fn between_pixels(map: Map, [height, width]: [usize; 2]) -> Map {
    if map == Map::identity() {
        return map;
    }
    let halves = [width, height].map(|side| side.saturating_sub(1) as f64 / 2.0);
    // The only place along a side of one pixel is 0.
    let [x, y] = halves.map(|half| if half > 0.0 { 1.0 / half } else { 0.0 });
    let shift = |half: f64| if half > 0.0 { -1.0 } else { 0.0 };
    let to_places = Map::affine([[x, 0.0, shift(halves[0])], [0.0, y, shift(halves[1])]]);
    let [x, y] = halves;
    let to_pixels = Map::affine([[x, 0.0, x], [0.0, y, y]]);
    to_pixels.then(map).then(to_places)
}

impl NoiseBox {
    pub fn fill(&self, out: &mut [f32], [height, width]: [usize; 2], scaling: &Scaling) {
        let mut noise = ChaCha8Rng::seed_from_u64(self.seed);
        let [top, left] = self.start;
        // A transform of a user's own may draw any box.
        let bottom = top.saturating_add(self.size[0]).min(height);
        let right = left.saturating_add(self.size[1]).min(width);
        let (mean, deviation) = match scaling {
            Scaling::Unit => (0.5, 0.25),
            Scaling::Standard { .. } => (0.0, 1.0),
        };
        for plane in out.chunks_exact_mut(height * width) {
            for row in top..bottom {
                for value in plane[row * width..][..width].iter_mut().take(right).skip(left) {
                    let normal: f32 = StandardNormal.sample(&mut noise);
                    *value = mean + deviation * normal;
                }
            }
        }
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("size", &self.size)
            .field("map", &self.map)
            .field("light", &self.light)
            .field("hue", &self.hue)
            .field("functions", &self.functions.len())
            .field("boxes", &self.boxes.len())
            .finish()
    }
}
