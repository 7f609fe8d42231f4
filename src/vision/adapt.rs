//! Conversion of images to a model's format, and batching.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::decode::{Picture, decode};
use super::spec::ImageSpec;
use crate::error::{Error, Result};

/// The batch size in values from which all threads are used; below it, waking them costs more.
const PARALLEL_FROM: usize = 1 << 20;

/// The changes that fit an image to a model. Shapes are `[channels, height, width]`.
///
/// ```
/// let adapted = fastburn::vision::Adaptation {
///     from: [3, 300, 400],
///     size_resized_to: [28, 28],
///     to: [1, 28, 28],
///     transparent: false,
/// };
/// assert_eq!(adapted.to_string(), "resized from 400×300 to 28×28, colour to grey");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptation {
    /// The original shape.
    pub from: [usize; 3],
    /// The `[height, width]` that the whole image was resized to. It is the final size unless the
    /// image was then cropped or padded.
    pub size_resized_to: [usize; 2],
    /// The shape that the model takes.
    pub to: [usize; 3],
    /// Whether transparency was dropped. Transparent pixels keep their colour.
    pub transparent: bool,
}

impl ImageSpec {
    /// Decodes the contents of an image file (PNG, JPEG, WebP, BMP, GIF or TIFF). Returns the
    /// pixels in this format, and the changes made, if any.
    ///
    /// Photos are rotated upright by their EXIF orientation, and 16-bit channels become 8-bit.
    /// Transparency is dropped as by Pillow's `convert("RGB")`: transparent pixels keep their
    /// colour. `name` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if it is not a complete image of these formats, or is too large to resize;
    /// [`Error::Setting`] if the format is invalid.
    pub fn decode(&self, bytes: &[u8], name: &str) -> Result<(Vec<u8>, Option<Adaptation>)> {
        self.require_valid()?;
        let failed = |reason| Error::image(name, reason);
        let picture = decode(bytes, &name)?;
        let (from, transparent) = (picture.shape(), picture.transparent);
        let pixels = picture.fit(self).map_err(failed)?;
        Ok((pixels, self.adaptation(from, transparent)))
    }

    fn require_valid(&self) -> Result<()> {
        self.check().map_err(|expected| Error::setting("image format", self, expected))
    }

    /// Returns the changes that fit an image of this shape, if any.
    fn adaptation(&self, from: [usize; 3], transparent: bool) -> Option<Adaptation> {
        let windows = self.resize.windows([from[2], from[1]], [self.width, self.height]);
        let size_resized_to = [windows[1].whole, windows[0].whole];
        let adapted = Adaptation { from, size_resized_to, to: self.shape(), transparent };
        // An image of the model's size may be enlarged and then cropped to that size.
        let is_changed = from != adapted.to || size_resized_to != from[1..] || transparent;
        is_changed.then_some(adapted)
    }

    /// Converts pixels of any shape `[channels, height, width]`. Returns the pixels in this format,
    /// and the changes made, if any.
    ///
    /// Colour becomes grey by its luma (Rec. 601), as in Pillow. Grey becomes three equal channels.
    /// The image is resized by the [`filter`](Self::filter) as [`resize`](Self::resize) says.
    ///
    /// ```
    /// use fastburn::vision::ImageSpec;
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
    /// [`Error::Shape`] if the number of pixels does not match the shape, there are neither 1 nor 3
    /// channels, or the image is too large to resize; [`Error::Setting`] if the format is invalid.
    pub fn adapt(&self, pixels: &[u8], shape: [usize; 3]) -> Result<(Vec<u8>, Option<Adaptation>)> {
        self.require_valid()?;
        let [channels, height, width] = shape;
        let count = height.checked_mul(width).and_then(|size| size.checked_mul(channels));
        if count != Some(pixels.len()) || pixels.is_empty() || !matches!(channels, 1 | 3) {
            return Err(Error::Shape {
                what: "an image to predict",
                expected: "1 or 3 channels and channels × height × width values".to_owned(),
                found: format!("{} values for {shape:?}", pixels.len()),
            });
        }
        let adapted = self.adaptation(shape, false);
        if adapted.is_none() {
            return Ok((pixels.to_vec(), None));
        }
        let fitted = Picture::from_planes(pixels, shape).fit(self).map_err(|found| {
            let expected = "an image that can be resized".to_owned();
            Error::Shape { what: "an image to predict", expected, found }
        })?;
        Ok((fitted, adapted))
    }

    /// Returns images in this format as a batch `[images, channels, height, width]`.
    pub(crate) fn batch(&self, images: &[&[u8]], device: &Device) -> Tensor<4> {
        let shape = [images.len(), self.channels, self.height, self.width];
        Tensor::from_data(TensorData::new(self.scaled(images), shape), device)
    }

    /// Returns the scaled values of images in this format: the model's inputs.
    pub(crate) fn scaled(&self, images: &[&[u8]]) -> Vec<f32> {
        let (size, channels) = (self.len(), self.channels);
        // The compiler may not assume the processor's widest vectors. They take a third less time.
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

impl std::fmt::Display for Adaptation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([channels, from @ ..], [to_channels, to @ ..]) = (self.from, self.to);
        let whole = self.size_resized_to;
        let size = |[height, width]: [usize; 2]| format!("{width}×{height}");
        let fitted = if whole[0] > to[0] || whole[1] > to[1] { "cropped" } else { "padded" };
        let mut changes = Vec::new();
        if from != whole {
            changes.push(format!("resized from {} to {}", size(from), size(whole)));
            if whole != to {
                changes.push(format!("{fitted} to {}", size(to)));
            }
        } else if whole != to {
            changes.push(format!("{fitted} from {} to {}", size(whole), size(to)));
        }
        if channels != to_channels {
            let change = if to_channels == 1 { "colour to grey" } else { "grey to colour" };
            changes.push(change.to_owned());
        }
        if self.transparent {
            changes.push("transparency dropped".to_owned());
        }
        f.write_str(&changes.join(", "))
    }
}
