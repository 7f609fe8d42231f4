//! What a model's images look like, and how they become numbers: for training and for predicting.

use burn::tensor::{Device, Tensor, TensorData};
use image::GrayImage;
use image::imageops::{self, FilterType};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::decode::{self, Picture};
use crate::error::{Error, Result};
use crate::prediction::Adapted;

/// From how many pixels on a batch is made on all threads; below it, waking them costs more.
const PARALLEL_FROM: usize = 1 << 20;

/// The most memory that resizing an image may take, in bytes.
const MOST_TO_RESIZE: u64 = 1 << 30;

/// The size, the channels and the scaling of the images that a model takes.
///
/// ```
/// let images = fastburn::data::ImageSpec::new([1, 28, 28]);
/// assert_eq!(images.to_string(), "28×28 pixels, grey, scaled to [0, 1]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// How a pixel becomes a number.
    pub scaling: Scaling,
}

/// How a pixel, 0 to 255, becomes a number that a model sees.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// To [0, 1]: divided by 255.
    #[default]
    Unit,
}

impl Scaling {
    #[inline(always)]
    fn apply(self, pixel: u8) -> f32 {
        match self {
            Self::Unit => f32::from(pixel) / 255.0,
        }
    }
}

impl std::fmt::Display for Scaling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unit => f.write_str("scaled to [0, 1]"),
        }
    }
}

impl std::fmt::Display for ImageSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colour = match self.channels {
            1 => "grey".to_owned(),
            3 => "colour".to_owned(),
            other => format!("{other} channels"),
        };
        write!(f, "{}×{} pixels, {colour}, {}", self.width, self.height, self.scaling)
    }
}

impl ImageSpec {
    /// Images of `[channels, height, width]`, scaled to [0, 1].
    pub fn new([channels, height, width]: [usize; 3]) -> Self {
        Self { channels, height, width, scaling: Scaling::default() }
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
            true => Ok(()),
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
    /// `name` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if it is not a whole PNG or JPEG, or too large to be resized.
    pub fn decode(&self, bytes: &[u8], name: &str) -> Result<(Vec<u8>, Option<Adapted>)> {
        let Picture { pixels, shape, transparent } = decode::decode_bytes(bytes, &name)?;
        let (pixels, adapted) = self
            .adapt(&pixels, shape)
            .map_err(|error| Error::Image { file: name.to_owned(), reason: error.to_string() })?;
        let unchanged = Adapted { from: shape, to: shape, transparent };
        let adapted = adapted.map(|adapted| Adapted { transparent, ..adapted });
        Ok((pixels, adapted.or(transparent.then_some(unchanged))))
    }

    /// Pixels of any `[channels, height, width]`, in this format, and what was done to them.
    ///
    /// Channels first: colour becomes grey by its luminance, grey becomes three equal channels.
    /// Then the whole image is resized, not cropped, by linear interpolation over as many pixels
    /// as become one.
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
        let planes: Vec<Vec<u8>> = match (channels, self.channels) {
            (3, 1) => vec![luminance(pixels)],
            (1, 3) => vec![pixels.to_vec(); 3],
            _ => pixels.chunks_exact(height * width).map(<[u8]>::to_vec).collect(),
        };
        let resized = planes.into_iter().map(|plane| self.resize(plane, [height, width]));
        let adapted = Adapted { from: shape, to: self.shape(), transparent: false };
        Ok((resized.collect::<Result<Vec<_>>>()?.concat(), Some(adapted)))
    }

    /// One channel in this format's size.
    fn resize(&self, plane: Vec<u8>, [height, width]: [usize; 2]) -> Result<Vec<u8>> {
        if [height, width] == [self.height, self.width] {
            return Ok(plane);
        }
        let sides = [width, height, self.width, self.height].map(u32::try_from);
        let [Ok(width), Ok(height), Ok(to_width), Ok(to_height)] = sides else {
            return Err(Error::Shape {
                what: "an image to predict",
                expected: format!("at most {} pixels wide and high", u32::MAX),
                found: format!("{width}×{height}"),
            });
        };
        // The library makes all rows of their new number first, in four floats a pixel.
        if u64::from(width) * u64::from(to_height) * 16 > MOST_TO_RESIZE {
            return Err(Error::Shape {
                what: "an image to predict",
                expected: format!("one that can be made {to_width}×{to_height} in 1 GiB"),
                found: format!("{width}×{height}"),
            });
        }
        let image = GrayImage::from_raw(width, height, plane).unwrap_or_default();
        Ok(imageops::resize(&image, to_width, to_height, FilterType::Triangle).into_raw())
    }

    /// Images in this format as a batch `[images, channels, height, width]`.
    pub(crate) fn batch(&self, images: &[&[u8]], device: &Device) -> Tensor<4> {
        let shape = [images.len(), self.channels, self.height, self.width];
        Tensor::from_data(TensorData::new(self.scaled(images), shape), device)
    }

    /// The numbers that a model sees, from images in this format.
    pub(super) fn scaled(&self, images: &[&[u8]]) -> Vec<f32> {
        let size = self.len();
        // The widest vectors of the processor, which the compiler may not assume: a third less time.
        let vectors = pulp::Arch::new();
        if images.len() * size < PARALLEL_FROM {
            let mut out = Vec::with_capacity(images.len() * size);
            for pixels in images {
                vectors.dispatch(|| {
                    out.extend(pixels.iter().map(|&pixel| self.scaling.apply(pixel)));
                });
            }
            return out;
        }
        let mut out = vec![0.0; images.len() * size];
        out.par_chunks_exact_mut(size).zip(images).for_each(|(out, pixels)| {
            vectors.dispatch(|| {
                let pairs = out.iter_mut().zip(*pixels);
                pairs.for_each(|(out, &pixel)| *out = self.scaling.apply(pixel));
            });
        });
        out
    }
}

/// Grey from red, green and blue planes, weighed as Rec. 709 does for luminance.
fn luminance(planes: &[u8]) -> Vec<u8> {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(rest.len() / 2);
    let colours = red.iter().zip(green).zip(blue);
    let grey = colours.map(|((&red, &green), &blue)| {
        (2126 * u32::from(red) + 7152 * u32::from(green) + 722 * u32::from(blue)) / 10_000
    });
    grey.map(|grey| grey as u8).collect()
}
