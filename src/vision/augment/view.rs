//! Which part of a picture is shown.

use rand::{Rng, RngExt};

use super::map::Map;
use crate::vision::resize_method::ResizeMethod;

/// The number of views that are drawn until one lies within the picture.
const ATTEMPTS: usize = 10;

/// A part of a picture, in shares of its width and of its height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::vision) struct View {
    /// `[x, y]` of the upper left corner.
    start: [f64; 2],
    /// `[width, height]`.
    size: [f64; 2],
}

/// Shows a random part of each picture in training: torchvision's and fastai's `RandomResizedCrop`.
/// The part has from a share of the picture's area to all of it, and is up to a third wider or
/// higher than the image; less of a picture that is much longer (Szegedy et al. 2014, *Going Deeper with Convolutions*).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomCrop {
    /// The least share of the area, above 0 and up to 1.
    least: f64,
}

impl RandomCrop {
    /// Creates the crop with the least share of a picture's area, such as 0.35, from 0.001 to 1.
    pub fn new(least: f64) -> Self {
        // NaN becomes the least.
        Self { least: if least > 1e-3 { least.min(1.0) } else { 1e-3 } }
    }

    /// Returns the least share of the area.
    pub fn least(self) -> f64 {
        self.least
    }

    /// Draws a view of a picture of `[height, width]`, for an image of another `[height, width]`.
    pub(in crate::vision) fn draw(
        self,
        [height, width]: [usize; 2],
        image: [usize; 2],
        rng: &mut dyn Rng,
    ) -> View {
        let [height, width] = [height as f64, width as f64];
        let shape = image[1] as f64 / image[0] as f64;
        let limit = (4.0_f64 / 3.0).ln();
        for _ in 0..ATTEMPTS {
            let area = rng.random_range(self.least..=1.0) * width * height;
            let ratio = rng.random_range(-limit..=limit).exp() * shape;
            let size = [(area * ratio).sqrt() / width, (area / ratio).sqrt() / height];
            if size.iter().all(|&side| side <= 1.0) {
                return View::at(size, [rng.random(), rng.random()]);
            }
        }
        // The largest one in the middle, no wider or higher than any that is drawn.
        let ratio = (width / height).clamp(shape * 0.75, shape / 0.75);
        View::at([(height * ratio / width).min(1.0), (width / ratio / height).min(1.0)], [0.5; 2])
    }
}

impl View {
    /// Creates the view of all of a picture.
    pub const fn whole() -> Self {
        Self { start: [0.0; 2], size: [1.0; 2] }
    }

    /// Creates a view at shares of the room that it has along both sides.
    fn at(size: [f64; 2], place: [f64; 2]) -> Self {
        let start = std::array::from_fn(|axis| place[axis] * (1.0 - size[axis]));
        Self { start, size }
    }

    /// Draws the view for an image in training, from a picture of `[height, width]` that is
    /// resized by that method.
    pub fn draw(
        method: ResizeMethod,
        crop: Option<RandomCrop>,
        picture: [usize; 2],
        image: [usize; 2],
        rng: &mut dyn Rng,
    ) -> Self {
        match crop {
            Some(crop) => crop.draw(picture, image, rng),
            None => Self::of_method(method, picture, image, || [rng.random(), rng.random()]),
        }
    }

    /// Returns the view in the middle of a picture that is resized by that method.
    pub fn centred(method: ResizeMethod, picture: [usize; 2], image: [usize; 2]) -> Self {
        Self::of_method(method, picture, image, || [0.5; 2])
    }

    fn of_method(
        method: ResizeMethod,
        [height, width]: [usize; 2],
        image: [usize; 2],
        place: impl FnOnce() -> [f64; 2],
    ) -> Self {
        let [width, height] = [width as f64, height as f64];
        let scales = [width / image[1] as f64, height / image[0] as f64];
        // The pixels of the picture for each of the image.
        let scale = match method {
            ResizeMethod::Squish => return Self::whole(),
            ResizeMethod::Crop { shorter_side } => width.min(height) / shorter_side as f64,
            ResizeMethod::Cover { margin } => {
                let [high, wide] = image.map(|side| (side + margin) as f64);
                (width / wide).min(height / high)
            }
            ResizeMethod::Pad { .. } => scales[0].max(scales[1]),
        };
        let size = [image[1] as f64 * scale / width, image[0] as f64 * scale / height];
        Self::at(size, place())
    }

    /// Returns the map from the pixels of an image of `[height, width]`, which shows this view, to
    /// those of a picture that is kept at another `[height, width]`.
    pub fn map(self, image: [usize; 2], kept: [usize; 2]) -> Map {
        let row = |axis: usize| {
            // The view of all pixels at their own size gives exactly 1 and 0.
            let (image, kept) = (image[1 - axis] as f64, kept[1 - axis] as f64);
            let step = self.size[axis] * kept / image;
            (step, self.start[axis] * kept + 0.5 * step - 0.5)
        };
        let ((x, left), (y, top)) = (row(0), row(1));
        Map::affine([[x, 0.0, left], [0.0, y, top]])
    }
}
