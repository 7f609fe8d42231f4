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
/// All but [`Nearest`](Self::Nearest) look at as many pixels as become one, so that nothing
/// flickers when an image is made smaller. The values are Pillow's within 1 of 255.
///
/// ```
/// use fastburn::data::Filter;
///
/// assert_eq!("lanczos".parse::<Filter>()?, Filter::Lanczos);
/// assert_eq!(Filter::default().to_string(), "bilinear");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let options = ResizeOptions::new().resize_alg(match self {
            Self::Nearest => ResizeAlg::Nearest,
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
        });
        // Both fit, by the check above.
        let [width, height, to_width, to_height] =
            [from[0], from[1], to[0], to[1]].map(|side| side as u32);
        let image = ImageRef::new(width, height, &pixels, kind).map_err(|e| e.to_string())?;
        let mut resized = Image::new(to_width, to_height, kind);
        Resizer::new().resize(&image, &mut resized, &options).map_err(|e| e.to_string())?;
        Ok(resized.into_vec())
    }
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
            Error::setting("the filter", name, format!("there are {names}"))
        })
    }
}
