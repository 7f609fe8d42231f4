//! How an image is brought to another size.

use std::fmt;
use std::str::FromStr;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest side that is resized, in pixels: the weights of that many are 50 MB.
const LONGEST_SIDE: usize = 1 << 20;
/// The most memory that resizing an image may take, in bytes.
const MOST_MEMORY: usize = 1 << 30;

/// How the pixels of a resized image are made of those of the original, under Pillow's names.
///
/// All but [`Nearest`](Self::Nearest) average over all the pixels that become one, so that an
/// image made smaller does not alias. The values are Pillow's: exactly for `Nearest`, within 1 of
/// 255 for the others.
///
/// ```
/// use fastburn::vision::Filter;
///
/// assert_eq!("lanczos".parse::<Filter>()?, Filter::Lanczos);
/// assert_eq!(Filter::default().to_string(), "bilinear");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The pixel that is nearest, as it is.
    Nearest,
    /// A triangle over two pixels of the smaller image: smooth, and never beyond its surroundings.
    #[default]
    Bilinear,
    /// A cubic over four (Catmull and Rom): sharper, with a little overshoot.
    Bicubic,
    /// A windowed sinc over six: the sharpest, and the slowest.
    Lanczos,
}

impl Filter {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Nearest, Self::Bilinear, Self::Bicubic, Self::Lanczos];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
        }
    }

    /// Rows of pixels of `channels` bytes each, `[width, height]`, in another size: first its
    /// width, then its height, as Pillow does, or the other way round.
    pub(super) fn resize(
        self,
        pixels: Vec<u8>,
        channels: usize,
        from: [usize; 2],
        to: [usize; 2],
        width_first: bool,
    ) -> Result<Vec<u8>, String> {
        let between = if width_first { [to[0], from[1]] } else { [from[0], to[1]] };
        let pixels = self.stretch(pixels, channels, from, between)?;
        self.stretch(pixels, channels, between, to)
    }

    fn stretch(
        self,
        pixels: Vec<u8>,
        channels: usize,
        from: [usize; 2],
        to: [usize; 2],
    ) -> Result<Vec<u8>, String> {
        if from == to {
            return Ok(pixels);
        }
        if from.iter().chain(&to).any(|&side| side > LONGEST_SIDE) {
            return Err(format!("a side of more than {LONGEST_SIDE} pixels cannot be resized"));
        }
        let memory = to[0].saturating_mul(to[1]).saturating_mul(channels);
        if memory > MOST_MEMORY {
            let ([width, height], [to_width, to_height]) = (from, to);
            return Err(format!(
                "{width}×{height} pixels cannot be made {to_width}×{to_height} in 1 GiB"
            ));
        }
        if self == Self::Nearest {
            return Ok(nearest(&pixels, channels, from, to));
        }
        let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let filter = match self {
            Self::Nearest | Self::Bilinear => FilterType::Bilinear,
            Self::Bicubic => FilterType::CatmullRom,
            Self::Lanczos => FilterType::Lanczos3,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        // Both fit, by the check above.
        let [width, height, to_width, to_height] =
            [from[0], from[1], to[0], to[1]].map(|side| side as u32);
        let image = ImageRef::new(width, height, &pixels, kind).map_err(|e| e.to_string())?;
        let mut resized = Image::new(to_width, to_height, kind);
        Resizer::new().resize(&image, &mut resized, &options).map_err(|e| e.to_string())?;
        Ok(resized.into_vec())
    }
}

/// Each pixel of the other size is the one of the original under its middle.
fn nearest(pixels: &[u8], channels: usize, from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    let [columns, rows] = [0, 1].map(|axis| middles(from[axis], to[axis]));
    let mut resized = Vec::with_capacity(to[0] * to[1] * channels);
    for row in rows {
        let row = &pixels[row * from[0] * channels..][..from[0] * channels];
        for &column in &columns {
            resized.extend_from_slice(&row[column * channels..][..channels]);
        }
    }
    resized
}

/// Where on a side of `from` pixels the middle of each of `to` pixels lies.
///
/// The positions are sums of one step, as in Pillow's `ImagingScaleAffine`: a middle on the border
/// of two pixels is often rounded to one side or the other, and this takes the side that Pillow
/// takes.
fn middles(from: usize, to: usize) -> Vec<usize> {
    let step = from as f64 / to as f64;
    let mut middle = step * 0.5;
    let mut middles = Vec::with_capacity(to);
    for _ in 0..to {
        middles.push((middle as usize).min(from - 1));
        middle += step;
    }
    middles
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Filter {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::Setting`] that names all there are.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|filter| filter.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::setting("filter", name, format!("one of {names}"))
        })
    }
}
