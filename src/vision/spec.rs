//! What a model's images look like, and how they become numbers: for training and for predicting.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::resize::Filter;
use super::scaling::Scaling;
use crate::error::{Error, Result};
use crate::models::{ModelCard, ModelFile};

/// The widest or highest image that is decoded, in pixels.
pub(super) const LARGEST_SIDE: u32 = 16_384;

/// The size, the channels and the scaling of the images that a model takes, and by which filter
/// others are brought to that size.
///
/// ```
/// let images = fastburn::vision::ImageSpec::new([1, 28, 28]);
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

    /// As JSON: what a model file says of its images.
    pub(crate) fn to_json(&self) -> Value {
        // A struct of numbers, lists and names always has a form in JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The format of a model file's images, which must be what its model takes.
    pub(crate) fn of_model(file: &ModelFile) -> Result<Self> {
        let ModelCard { input, architecture, .. } = &file.card;
        let failed = |problem: String| Error::file(&file.place, problem);
        let format: Self = serde_json::from_value(input.clone())
            .map_err(|error| failed(format!("not a model for images ({error})")))?;
        let misfit = |expected| failed(format!("images of {format}: expected {expected}"));
        format.check().map_err(misfit)?;
        if format.len() != architecture.inputs() {
            return Err(failed(format!(
                "images of {format} do not fit a {architecture}, which takes {} numbers",
                architecture.inputs()
            )));
        }
        Ok(format)
    }

    /// Checks that there can be images in this format; returns what is expected instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sides = 1..=LARGEST_SIDE as usize;
        match matches!(self.channels, 1 | 3)
            && [self.height, self.width].iter().all(|side| sides.contains(side))
        {
            true => self.scaling.check(self.channels),
            false => Err(format!("1 or 3 channels and sides of 1 to {LARGEST_SIDE} pixels")),
        }
    }

    /// Whether an image has no pixel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One decoded image of an [`ImageFolder`](super::ImageFolder) and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageItem {
    /// The pixels, `shape` in row-major order, 0 to 255.
    pub pixels: Vec<u8>,
    /// `[channels, height, width]`; grey images have one channel, colour ones three.
    pub shape: [usize; 3],
    /// The class index.
    pub label: u32,
}
