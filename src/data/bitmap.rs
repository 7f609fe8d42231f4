//! An image as plain numbers, to look at.

use burn::tensor::Tensor;

use super::image_folder::ImageItem;
use super::scale;
use crate::error::{Error, Result};

/// An image off the device: what pictures are drawn from.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::data::{Bitmap, Splits};
///
/// let item = Splits::digits()?.valid.get(0).unwrap();
/// let bitmap = Bitmap::try_from(&item)?;
/// assert_eq!((bitmap.width(), bitmap.height()), (28, 28));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bitmap {
    values: Vec<f32>,
    shape: [usize; 3],
}

impl Bitmap {
    /// An image from its values, `[channels, height, width]` in row-major order, from 0 (black) to
    /// 1 (white).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there are not as many values as the shape holds, or neither one channel
    /// nor three.
    pub fn new(values: Vec<f32>, shape: [usize; 3]) -> Result<Self> {
        let wrong = |expected: String, found: String| {
            Err(Error::Shape { what: "an image to draw", expected, found })
        };
        if !matches!(shape[0], 1 | 3) {
            let expected = "one channel or three, [channels, height, width]".to_owned();
            return wrong(expected, format!("{shape:?}"));
        }
        match shape.iter().product() {
            0 => wrong("at least one pixel".to_owned(), format!("{shape:?}")),
            size if size == values.len() => Ok(Self { values, shape }),
            size => wrong(format!("{size} values for {shape:?}"), values.len().to_string()),
        }
    }

    /// An image from a tensor `[height, width]`, `[channels, height, width]` or
    /// `[1, channels, height, width]`; this waits for the device.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use fastburn::data::Bitmap;
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
                    expected: "[height, width], [channels, height, width] or the like with a \
                               leading 1"
                        .to_owned(),
                    found: format!("{dims:?}"),
                });
            }
        };
        let values = tensor
            .try_into_vec_as::<f32>()
            .map_err(|error| Error::compute("read an image", error))?;
        Self::new(values, shape)
    }

    /// How many pixels it is wide.
    pub fn width(&self) -> usize {
        self.shape[2]
    }

    /// How many pixels it is high.
    pub fn height(&self) -> usize {
        self.shape[1]
    }

    /// The red, green and blue of a pixel; values outside of [0, 1] become the nearer end.
    ///
    /// # Panics
    ///
    /// If the pixel is outside of the image.
    pub fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let [channels, height, width] = self.shape;
        let byte = |channel: usize| {
            let value = self.values[(channel * height + y) * width + x];
            (value.clamp(0.0, 1.0) * 255.0).round() as u8
        };
        if channels == 3 { [byte(0), byte(1), byte(2)] } else { [byte(0); 3] }
    }

    /// The image as the drawing library has it.
    #[cfg(feature = "plot")]
    pub(crate) fn to_rgb(&self) -> image::RgbImage {
        image::RgbImage::from_fn(self.width() as u32, self.height() as u32, |x, y| {
            image::Rgb(self.rgb(x as usize, y as usize))
        })
    }
}

impl TryFrom<&ImageItem> for Bitmap {
    type Error = Error;

    fn try_from(item: &ImageItem) -> Result<Self> {
        Self::new(item.pixels.iter().map(|&pixel| scale(pixel)).collect(), item.shape)
    }
}
