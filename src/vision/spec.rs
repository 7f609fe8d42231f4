//! The image format of a model, for training and for prediction.

use serde::{Deserialize, Serialize};

use super::resize::Filter;
use super::resize_method::ResizeMethod;
use super::scaling::Scaling;
use crate::data::InputFormat;
use crate::error::Result;
use crate::models::{ModelFile, Registry};

/// The largest width or height of an image that is decoded, in pixels.
pub(super) const LARGEST_SIDE: u32 = 16_384;

/// The size, channels and scaling of the images that a model takes, and how others are resized to
/// that size.
///
/// ```
/// let images = fastburn::vision::ImageSpec::new([1, 28, 28]);
/// assert_eq!(images.to_string(), "28×28 pixels, grey, scaled to [0, 1]");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// The height in pixels.
    pub height: usize,
    /// The width in pixels.
    pub width: usize,
    /// The scaling of pixels to a model's inputs.
    pub scaling: Scaling,
    /// The filter that resizes images of another size. Bilinear in files without this field.
    #[serde(default)]
    pub filter: Filter,
    /// The way in which images of another size are brought to this one. The whole image is resized
    /// in files without this field.
    #[serde(default, skip_serializing_if = "ResizeMethod::is_default")]
    pub resize: ResizeMethod,
}

impl std::fmt::Display for ImageSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colour = match self.channels {
            1 => "grey".to_owned(),
            3 => "colour".to_owned(),
            other => format!("{other} channels"),
        };
        write!(f, "{}×{} pixels, {colour}, {}", self.width, self.height, self.scaling)?;
        let by = match self.filter {
            Filter::Bilinear => String::new(),
            other => format!(" by {other}"),
        };
        match self.resize {
            ResizeMethod::Squish if by.is_empty() => Ok(()),
            ResizeMethod::Squish => write!(f, ", resized{by}"),
            ResizeMethod::Cover { margin: 0 } => {
                write!(f, ", resized in proportion{by}, cropped at the centre")
            }
            ResizeMethod::Cover { margin } => {
                write!(f, ", resized in proportion{by}, with a margin of {margin} that is cropped")
            }
            ResizeMethod::Pad { padding } => {
                write!(f, ", resized in proportion{by}, padded by {padding}")
            }
            ResizeMethod::Crop { shorter_side } => {
                write!(f, ", shorter side resized to {shorter_side}{by}, cropped at the centre")
            }
        }
    }
}

impl ImageSpec {
    /// Creates a format for images of shape `[channels, height, width]`, scaled to [0, 1] and
    /// resized as a whole by the bilinear filter.
    pub fn new([channels, height, width]: [usize; 3]) -> Self {
        Self {
            channels,
            height,
            width,
            scaling: Scaling::default(),
            filter: Filter::default(),
            resize: ResizeMethod::default(),
        }
    }

    /// Returns the format for images of another size, the whole of which is resized.
    ///
    /// ```
    /// use fastburn::vision::{ImageSpec, ResizeMethod};
    ///
    /// let resize = ResizeMethod::Crop { shorter_side: 256 };
    /// let format = ImageSpec { resize, ..ImageSpec::new([3, 224, 224]) };
    /// assert_eq!(format.clone().with_size(224, 224), format);
    /// assert_eq!(format.with_size(64, 64), ImageSpec::new([3, 64, 64]));
    /// ```
    pub fn with_size(mut self, height: usize, width: usize) -> Self {
        if [height, width] != [self.height, self.width] {
            (self.height, self.width, self.resize) = (height, width, ResizeMethod::Squish);
        }
        self
    }

    /// Returns the format for images of other channels. A scaling of three channels becomes one of
    /// grey images by their average, and the other way round all three get the same.
    ///
    /// ```
    /// use fastburn::vision::{ImageSpec, Scaling};
    ///
    /// let colour = ImageSpec { scaling: Scaling::imagenet(), ..ImageSpec::new([3, 224, 224]) };
    /// let Scaling::Standard { mean, std } = colour.with_channels(1).scaling else { panic!() };
    /// assert!((mean[0] - 0.449).abs() < 1e-6 && (std[0] - 0.226).abs() < 1e-6);
    /// ```
    pub fn with_channels(mut self, channels: usize) -> Self {
        if let Scaling::Standard { mean, std } = &mut self.scaling
            && channels != self.channels
        {
            for values in [mean, std] {
                let average = values.iter().sum::<f32>() / values.len().max(1) as f32;
                *values = vec![average; channels];
            }
        }
        self.channels = channels;
        self
    }

    /// Returns the shape `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Returns the number of values in an image.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Returns the image format of a model file.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if its model takes other inputs, or images of another
    /// format.
    pub fn of_model<M: Registry>(file: &ModelFile<M>) -> Result<Self> {
        let failed = |problem: String| file.error(format!("not an image model ({problem})"));
        let InputFormat::Image(format) = &file.card().input else {
            return Err(failed("it takes other inputs".to_owned()));
        };
        let format: Self =
            serde_json::from_value(format.clone()).map_err(|error| failed(error.to_string()))?;
        let misfit = |expected| file.error(format!("images of {format}: expected {expected}"));
        format.check().map_err(misfit)?;
        file.check_input(&format.shape(), format_args!("images of {format}"))?;
        Ok(format)
    }

    /// Checks that images can have this format, or returns what is expected.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sides = 1..=LARGEST_SIDE as usize;
        if matches!(self.channels, 1 | 3)
            && [self.height, self.width].iter().all(|side| sides.contains(side))
        {
            self.resize.check([self.height, self.width], LARGEST_SIDE as usize)?;
            self.scaling.check(self.channels)
        } else {
            Err(format!("1 or 3 channels and sides of 1 to {LARGEST_SIDE} pixels"))
        }
    }

    /// Returns whether images in this format have the same pixels as those in another one; their
    /// scaling may differ.
    pub(super) fn has_pixels_of(&self, other: &Self) -> bool {
        let pixels = |format: &Self| (format.shape(), format.resize, format.filter);
        pixels(self) == pixels(other)
    }

    /// Returns whether an image has no pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&ImageSpec> for InputFormat {
    fn from(format: &ImageSpec) -> Self {
        // Numbers, lists and names always convert to JSON.
        Self::Image(serde_json::to_value(format).unwrap_or_default())
    }
}

/// A decoded image of an [`ImageFolder`](super::ImageFolder) and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageItem {
    /// The pixels in row-major order, 0 to 255.
    pub pixels: Vec<u8>,
    /// The shape `[channels, height, width]`: 1 channel for grey, 3 for colour.
    pub shape: [usize; 3],
    /// The class index.
    pub label: u32,
}
