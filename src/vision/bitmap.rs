//! Images in host memory, for drawing.

use burn::tensor::Tensor;
use image::{Rgb, RgbImage};

use super::spec::ImageItem;
use crate::error::{Error, Result};
use crate::records::Explanation;

/// An RGB image in host memory, for drawing.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::vision::{Bitmap, Splits};
///
/// let item = Splits::digits()?.valid.get(0).unwrap();
/// let bitmap = Bitmap::try_from(&item)?;
/// assert_eq!((bitmap.width(), bitmap.height()), (28, 28));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    /// Red, green and blue of each pixel, from 0 to 255, in row-major order.
    pixels: RgbImage,
}

impl Bitmap {
    /// Creates an image from values `[channels, height, width]` in row-major order, from 0 (black)
    /// to 1 (white). Values outside this range are clamped.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of values does not match the shape, or the shape has no
    /// pixels or neither 1 nor 3 channels.
    pub fn new(values: &[f32], shape: [usize; 3]) -> Result<Self> {
        let bytes: Vec<u8> =
            values.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        Self::from_bytes(&bytes, shape)
    }

    fn from_bytes(bytes: &[u8], shape: [usize; 3]) -> Result<Self> {
        let wrong = |expected: String, found: String| {
            Err(Error::Shape { what: "an image to draw", expected, found })
        };
        let [channels, height, width] = shape;
        if !matches!(channels, 1 | 3) {
            let expected = "1 or 3 channels, [channels, height, width]".to_owned();
            return wrong(expected, format!("{shape:?}"));
        }
        let sides = (u32::try_from(width), u32::try_from(height));
        let (Ok(width @ 1..), Ok(height @ 1..)) = sides else {
            return wrong("at least one pixel".to_owned(), format!("{shape:?}"));
        };
        let size = (width as usize) * (height as usize);
        if bytes.len() != channels * size {
            return wrong(
                format!("{} values for {shape:?}", channels * size),
                bytes.len().to_string(),
            );
        }
        let channel = |index: usize, pixel: usize| bytes[(index % channels) * size + pixel];
        Ok(Self {
            pixels: RgbImage::from_fn(width, height, |x, y| {
                let pixel = (y * width + x) as usize;
                Rgb([0, 1, 2].map(|index| channel(index, pixel)))
            }),
        })
    }

    /// Creates an image from a tensor `[height, width]`, `[channels, height, width]` or
    /// `[1, channels, height, width]`. Waits for the device.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use fastburn::vision::Bitmap;
    ///
    /// let device = fastburn::device::cpu()?;
    /// let grey = Bitmap::from_tensor(Tensor::<2>::full([2, 3], 0.5, &device))?;
    /// assert_eq!(grey.rgb(0, 0), [128; 3]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor is not one image, [`Error::Compute`] if the device fails.
    pub fn from_tensor<const D: usize>(tensor: Tensor<D>) -> Result<Self> {
        let dims = tensor.dims();
        let shape = match dims.as_slice() {
            &[height, width] => [1, height, width],
            &[channels, height, width] | &[1, channels, height, width] => [channels, height, width],
            _ => {
                return Err(Error::Shape {
                    what: "an image to draw",
                    expected: "[height, width], [channels, height, width] or \
                               [1, channels, height, width]"
                        .to_owned(),
                    found: format!("{dims:?}"),
                });
            }
        };
        let values = tensor
            .try_into_vec_as::<f32>()
            .map_err(|error| Error::compute("read an image", error))?;
        Self::new(&values, shape)
    }

    /// Returns the width in pixels.
    pub fn width(&self) -> usize {
        self.pixels.width() as usize
    }

    /// Returns the height in pixels.
    pub fn height(&self) -> usize {
        self.pixels.height() as usize
    }

    /// Returns the red, green and blue of a pixel, from 0 to 255.
    ///
    /// # Panics
    ///
    /// If the pixel is outside the image.
    pub fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels.get_pixel(x as u32, y as u32).0
    }

    /// Returns the image, scaled down if its width or height exceeds `side` pixels.
    ///
    /// ```
    /// let photo = fastburn::vision::Bitmap::new(&[0.5; 400 * 200], [1, 200, 400])?;
    /// let small = photo.thumbnail(100);
    /// assert_eq!((small.width(), small.height()), (100, 50));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn thumbnail(&self, side: u32) -> Self {
        let (width, height) = self.pixels.dimensions();
        let larger = width.max(height);
        if larger <= side {
            return self.clone();
        }
        let reduced = |length: u32| {
            let length = u64::from(length) * u64::from(side) / u64::from(larger);
            (length as u32).max(1)
        };
        let pixels = image::imageops::thumbnail(&self.pixels, reduced(width), reduced(height));
        Self { pixels }
    }

    /// Returns the image in the drawing library's type.
    #[cfg(feature = "plot")]
    pub(crate) fn pixels(&self) -> &RgbImage {
        &self.pixels
    }
}

impl TryFrom<&ImageItem> for Bitmap {
    type Error = Error;

    fn try_from(item: &ImageItem) -> Result<Self> {
        Self::from_bytes(&item.pixels, item.shape)
    }
}

/// The image as the model sees it.
impl TryFrom<&Explanation> for Bitmap {
    type Error = Error;

    fn try_from(explanation: &Explanation) -> Result<Self> {
        Self::from_bytes(&explanation.pixels, explanation.shape)
    }
}
