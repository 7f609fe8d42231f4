//! The ways in which an image of another shape is brought to a size.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::padding::Padding;
use super::resize::Window;

/// The way in which images are brought to the size of an [`ImageSpec`](super::ImageSpec).
///
/// ```
/// use fastburn::vision::{ImageSpec, ResizeMethod};
///
/// // torchvision's `Resize(256)` and `CenterCrop(224)`.
/// let resize = ResizeMethod::Crop { shorter_side: 256 };
/// let format = ImageSpec { resize, ..ImageSpec::new([3, 224, 224]) };
/// let (_, adapted) = format.adapt(&[0; 3 * 300 * 400], [3, 300, 400])?;
/// assert_eq!(adapted.unwrap().to_string(), "resized from 400×300 to 341×256, cropped to 224×224");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeMethod {
    /// Resizes the whole image, which changes its proportions.
    #[default]
    Squish,
    /// Resizes the whole image in proportion and crops it at the centre, as torchvision's
    /// `Resize(shorter_side)` and `CenterCrop([height, width])` do.
    Crop {
        /// The length to which the shorter side is resized, in pixels. At least the width and the
        /// height of the crop, so that it fits into any image.
        shorter_side: usize,
    },
    /// Resizes the whole image in proportion until it covers the size, and a margin around it, and
    /// crops it at the centre: fastai's `ResizeMethod.Crop`.
    Cover {
        /// The pixels by which both sides are longer before the crop.
        margin: usize,
    },
    /// Resizes the whole image in proportion until it fits, in the middle, and fills the rest:
    /// fastai's `ResizeMethod.Pad`.
    Pad {
        /// What the rest is filled with.
        padding: Padding,
    },
}

impl ResizeMethod {
    /// Checks that images can be brought to `[height, width]`, or returns what is expected.
    pub(super) fn check(self, size: [usize; 2], longest: usize) -> Result<(), String> {
        match self {
            Self::Squish | Self::Pad { .. } => Ok(()),
            Self::Cover { margin } => {
                let most = longest - size[0].max(size[1]).min(longest);
                let expected = || format!("a margin of at most {most} pixels");
                if margin <= most { Ok(()) } else { Err(expected()) }
            }
            Self::Crop { shorter_side } => {
                let least = size[0].max(size[1]);
                if (least..=longest).contains(&shorter_side) {
                    return Ok(());
                }
                let [height, width] = size;
                Err(format!(
                    "a shorter side of {least} to {longest} pixels for a crop of {width}×{height}"
                ))
            }
        }
    }

    /// Returns how the width and the height of an image become `to`, from one `[width, height]` to
    /// another. Sides that are shorter are then padded.
    pub(super) fn windows(self, from: [usize; 2], to: [usize; 2]) -> [Window; 2] {
        let whole = match self {
            Self::Squish => to,
            Self::Crop { shorter_side } => in_proportion(from, shorter_side),
            Self::Cover { margin } => covering(from, to.map(|side| side + margin)),
            Self::Pad { .. } => return within(from, to).map(Window::all),
        };
        [0, 1].map(|axis| Window::centred(whole[axis], to[axis]))
    }

    /// Returns whether it is the method of files that name none.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the size of an image once its shorter side has `shorter_side` pixels: torchvision's
/// `_compute_resized_output_size`.
fn in_proportion([width, height]: [usize; 2], shorter_side: usize) -> [usize; 2] {
    let longer_side = |long: usize, short: usize| {
        // Cut off rather than rounded, as by Python's `int`.
        (shorter_side as f64 * long as f64 / short as f64) as usize
    };
    if width <= height {
        [shorter_side, longer_side(height, width)]
    } else {
        [longer_side(width, height), shorter_side]
    }
}

/// Returns the smallest size of an image in proportion that covers another one.
fn covering(from: [usize; 2], to: [usize; 2]) -> [usize; 2] {
    let [width, height] = [0, 1].map(|axis| to[axis] as f64 / from[axis] as f64);
    let scale = width.max(height);
    [0, 1].map(|axis| ((from[axis] as f64 * scale).round() as usize).max(to[axis]))
}

/// Returns the largest size of an image in proportion that fits into another one.
fn within(from: [usize; 2], to: [usize; 2]) -> [usize; 2] {
    let [width, height] = [0, 1].map(|axis| to[axis] as f64 / from[axis] as f64);
    let scale = width.min(height);
    [0, 1].map(|axis| ((from[axis] as f64 * scale).round() as usize).clamp(1, to[axis]))
}

impl fmt::Display for ResizeMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Squish => f.write_str("squish"),
            Self::Crop { shorter_side } => write!(f, "crop from a shorter side of {shorter_side}"),
            Self::Cover { margin: 0 } => f.write_str("crop"),
            Self::Cover { margin } => write!(f, "crop with a margin of {margin}"),
            Self::Pad { padding } => write!(f, "pad by {padding}"),
        }
    }
}
