//! What a model's images look like, and how they become numbers: for training and for predicting.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::decode;
use super::filter::Filter;
use super::picture::Picture;
use super::scaling::Scaling;
use crate::error::{Error, Result};
use crate::prediction::Adapted;

/// From how many pixels on a batch is made on all threads; below it, waking them costs more.
const PARALLEL_FROM: usize = 1 << 20;

/// The size, the channels and the scaling of the images that a model takes, and by which filter
/// others are brought to that size.
///
/// ```
/// let images = fastburn::data::ImageSpec::new([1, 28, 28]);
/// assert_eq!(images.to_string(), "28×28 pixels, grey, scaled to [0, 1]");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// How a pixel becomes a number.
    pub scaling: Scaling,
    /// How an image of another size is resized; bilinear in files that do not say.
    #[serde(default)]
    pub filter: Filter,
}

impl std::fmt::Display for ImageSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colour = match self.channels {
            1 => "grey".to_owned(),
            3 => "colour".to_owned(),
            other => format!("{other} channels"),
        };
        write!(f, "{}×{} pixels, {colour}, {}", self.width, self.height, self.scaling)?;
        match self.filter {
            Filter::Bilinear => Ok(()),
            other => write!(f, ", resized by {other}"),
        }
    }
}

impl ImageSpec {
    /// Images of `[channels, height, width]`, scaled to [0, 1] and resized by the bilinear filter.
    pub fn new([channels, height, width]: [usize; 3]) -> Self {
        let (scaling, filter) = (Scaling::default(), Filter::default());
        Self { channels, height, width, scaling, filter }
    }

    /// `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// How many numbers an image is.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// What keeps images from being of this kind.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sides = 1..=decode::LARGEST_SIDE as usize;
        match matches!(self.channels, 1 | 3)
            && [self.height, self.width].iter().all(|side| sides.contains(side))
        {
            true => self.scaling.check(self.channels),
            false => Err(format!(
                "images of {self}: 1 or 3 channels and sides of 1 to {} pixels are expected",
                decode::LARGEST_SIDE
            )),
        }
    }

    /// Whether an image has no pixel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels of a PNG or JPEG file's content, in this format, and what was done to them.
    ///
    /// A photo is turned the right way up, as its EXIF orientation says; 16 bits become 8;
    /// transparency is left out, as Pillow's `convert("RGB")` does: what was transparent has its
    /// own colour. `name` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if it is not a whole PNG or JPEG, or too large to be resized.
    pub fn decode(&self, bytes: &[u8], name: &str) -> Result<(Vec<u8>, Option<Adapted>)> {
        let failed = |reason| Error::Image { file: name.to_owned(), reason };
        let picture = decode::decode(bytes, &name)?;
        let (from, transparent) = (picture.shape(), picture.transparent);
        let pixels = picture.fit(self).map_err(failed)?;
        let adapted = Adapted { from, to: self.shape(), transparent };
        Ok((pixels, (transparent || from != self.shape()).then_some(adapted)))
    }

    /// Pixels of any `[channels, height, width]`, in this format, and what was done to them.
    ///
    /// Colour becomes grey by its luma (Rec. 601), as in Pillow; grey becomes three equal channels.
    /// The whole image is resized, not cropped, by the [`filter`](Self::filter).
    ///
    /// ```
    /// use fastburn::data::ImageSpec;
    ///
    /// let digits = ImageSpec::new([1, 28, 28]);
    /// let (pixels, adapted) = digits.adapt(&[200; 3 * 56 * 56], [3, 56, 56])?;
    /// assert!(pixels == [200; 28 * 28]);
    /// assert_eq!(adapted.unwrap().to_string(), "resized from 56×56 to 28×28, colour to grey");
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there are not as many pixels as the shape holds, neither one channel nor
    /// three, or too many to be resized; [`Error::Setting`] if no image can be in this format.
    pub fn adapt(&self, pixels: &[u8], shape: [usize; 3]) -> Result<(Vec<u8>, Option<Adapted>)> {
        self.check().map_err(|problem| Error::setting("the images' format", self, problem))?;
        let [channels, height, width] = shape;
        let count = height.checked_mul(width).and_then(|size| size.checked_mul(channels));
        if count != Some(pixels.len()) || pixels.is_empty() || !matches!(channels, 1 | 3) {
            return Err(Error::Shape {
                what: "an image to predict",
                expected: "1 or 3 channels, and channels × height × width pixels".to_owned(),
                found: format!("{} pixels for {shape:?}", pixels.len()),
            });
        }
        if shape == self.shape() {
            return Ok((pixels.to_vec(), None));
        }
        let fitted = Picture::from_planes(pixels, shape).fit(self).map_err(|found| {
            let expected = "one that can be resized".to_owned();
            Error::Shape { what: "an image to predict", expected, found }
        })?;
        Ok((fitted, Some(Adapted { from: shape, to: self.shape(), transparent: false })))
    }

    /// Images in this format as a batch `[images, channels, height, width]`.
    pub(crate) fn batch(&self, images: &[&[u8]], device: &Device) -> Tensor<4> {
        let shape = [images.len(), self.channels, self.height, self.width];
        Tensor::from_data(TensorData::new(self.scaled(images), shape), device)
    }

    /// The numbers that a model sees, from images in this format.
    pub(super) fn scaled(&self, images: &[&[u8]]) -> Vec<f32> {
        let (size, channels) = (self.len(), self.channels);
        // The widest vectors of the processor, which the compiler may not assume: a third less time.
        let vectors = pulp::Arch::new();
        if images.len() * size < PARALLEL_FROM {
            let mut out = Vec::with_capacity(images.len() * size);
            for pixels in images {
                vectors.dispatch(|| self.scaling.extend(&mut out, pixels, channels));
            }
            return out;
        }
        let mut out = vec![0.0; images.len() * size];
        out.par_chunks_exact_mut(size).zip(images).for_each(|(out, pixels)| {
            vectors.dispatch(|| self.scaling.fill(out, pixels, channels));
        });
        out
    }
}
