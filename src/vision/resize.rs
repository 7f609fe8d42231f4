//! Resizing of images, with Pillow's filters.

use std::fmt;
use std::str::FromStr;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest side that is resized, in pixels. Its filter weights take 50 MB.
const LONGEST_SIDE: usize = 1 << 20;
/// The largest intermediate or final image, in bytes.
const MOST_MEMORY: usize = 1 << 30;

/// A resampling filter for resizing, under Pillow's name.
///
/// All except [`Nearest`](Self::Nearest) are antialiased: they average over all pixels of the
/// original that become one. `Nearest` gives exactly Pillow's values. The others are within 1 of
/// them, on the scale from 0 to 255.
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
    /// The nearest pixel, unchanged.
    Nearest,
    /// A triangle filter over two pixels of the smaller image: smooth, without overshoot.
    #[default]
    Bilinear,
    /// A cubic filter over four pixels (Catmull–Rom): sharper, with slight overshoot.
    Bicubic,
    /// A windowed sinc filter over six pixels: the sharpest and the slowest.
    Lanczos,
}

impl Filter {
    /// All filters.
    pub const ALL: [Self; 4] = [Self::Nearest, Self::Bilinear, Self::Bicubic, Self::Lanczos];

    /// Returns the filter's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
        }
    }

    /// Resizes an image from one `[width, height]` to another. Each pixel is `channels` bytes.
    /// With `width_first`, the width is resized before the height, as in Pillow.
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
            return Err(format!("a side of more than {LONGEST_SIDE} pixels, too long to resize"));
        }
        let memory = to[0].saturating_mul(to[1]).saturating_mul(channels);
        if memory > MOST_MEMORY {
            let ([width, height], [to_width, to_height]) = (from, to);
            return Err(format!(
                "{width}×{height} pixels, which take more than 1 GiB to resize to \
                 {to_width}×{to_height}"
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
        // All four fit into `u32`: the check above limits them.
        let [width, height, to_width, to_height] =
            [from[0], from[1], to[0], to[1]].map(|side| side as u32);
        let image = ImageRef::new(width, height, &pixels, kind).map_err(|e| e.to_string())?;
        let mut resized = Image::new(to_width, to_height, kind);
        Resizer::new().resize(&image, &mut resized, &options).map_err(|e| e.to_string())?;
        Ok(resized.into_vec())
    }
}

/// Resizes by taking for each pixel the pixel of the original at its centre.
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

/// Returns, for each of `to` pixels on a side, the pixel out of `from` at its centre.
///
/// The positions are sums of one step, as in Pillow's `ImagingScaleAffine`. For a centre on the
/// border between two pixels, rounding errors decide, and this makes the same errors as Pillow.
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
    /// [`Error::Setting`] if there is no such filter. It lists all filters.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|filter| filter.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::setting("filter", name, format!("one of {names}"))
        })
    }
}
