//! Resizing of images, with Pillow's filters.

use std::fmt;
use std::str::FromStr;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U16, U16x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest side that is resized, in pixels. Its filter weights take 50 MB.
const LONGEST_SIDE: usize = 1 << 20;
/// The largest intermediate or final image, in values: a byte each, and two bytes meanwhile.
const MOST_VALUES: usize = 1 << 30;
/// What a byte is multiplied by, so that 255 becomes the largest number of 16 bits.
const WIDER: u16 = 257;

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

    /// Resizes an image of `[width, height]` pixels, and crops it to a window of each side. Each
    /// pixel is `channels` bytes. With `width_first`, the width is resized before the height.
    pub(super) fn resize(
        self,
        mut pixels: Vec<u8>,
        channels: usize,
        mut size: [usize; 2],
        windows: [Window; 2],
        width_first: bool,
    ) -> Result<Vec<u8>, String> {
        let axes = if width_first { [0, 1] } else { [1, 0] };
        let axes = axes.into_iter().filter(|&axis| windows[axis] != Window::all(size[axis]));
        let axes: Vec<_> = axes.collect();
        let filter = match self {
            Self::Nearest => {
                for axis in axes {
                    check_size(size, axis, windows[axis], channels)?;
                    pixels = nearest(&pixels, channels, size, axis, windows[axis]);
                    size[axis] = windows[axis].length;
                }
                return Ok(pixels);
            }
            Self::Bilinear => FilterType::Bilinear,
            Self::Bicubic => FilterType::CatmullRom,
            Self::Lanczos => FilterType::Lanczos3,
        };
        match (axes.as_slice(), channels) {
            ([], _) => Ok(pixels),
            (axes, 1) => convolve::<U16>(filter, pixels, size, windows, axes),
            (axes, _) => convolve::<U16x3>(filter, pixels, size, windows, axes),
        }
    }
}

/// Resizes one side after the other.
///
/// The pixels have 16 bits meanwhile: rounded to 8 after the first side, by a library whose weights
/// are less exact than Pillow's, they would differ from Pillow's by 2 here and there.
fn convolve<P: PixelTrait<Component = u16> + Default>(
    filter: FilterType,
    pixels: Vec<u8>,
    mut size: [usize; 2],
    windows: [Window; 2],
    axes: &[usize],
) -> Result<Vec<u8>, String> {
    let channels = P::count_of_components();
    let mut wide = vec![P::default(); pixels.len() / channels];
    for (wide, byte) in P::components_mut(&mut wide).iter_mut().zip(pixels) {
        *wide = u16::from(byte) * WIDER;
    }
    for &axis in axes {
        check_size(size, axis, windows[axis], channels)?;
        wide = stretch(filter, &wide, size, axis, windows[axis])?;
        size[axis] = windows[axis].length;
    }
    let narrow = |&wide: &u16| ((u32::from(wide) + u32::from(WIDER) / 2) / u32::from(WIDER)) as u8;
    Ok(P::components(&wide).iter().map(narrow).collect())
}

/// Resizes one side, of which only the pixels in the window are computed.
fn stretch<P: PixelTrait + Default>(
    filter: FilterType,
    pixels: &[P],
    from: [usize; 2],
    axis: usize,
    window: Window,
) -> Result<Vec<P>, String> {
    let mut to = from;
    to[axis] = window.length;
    let [start, length] = window.of_original(from[axis]);
    let [width, height] = from.map(|side| side as f64);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    let options = match axis {
        0 => options.crop(start, 0.0, length, height),
        _ => options.crop(0.0, start, width, length),
    };
    // All four fit into `u32`: `check_size` limits them.
    let [width, height, to_width, to_height] =
        [from[0], from[1], to[0], to[1]].map(|side| side as u32);
    let image = TypedImageRef::new(width, height, pixels).map_err(|e| e.to_string())?;
    let mut resized = TypedImage::<P>::new(to_width, to_height);
    Resizer::new().resize_typed(&image, &mut resized, &options).map_err(|e| e.to_string())?;
    Ok(resized.pixels().to_vec())
}

/// Checks that an image is not too large to resize one side to a window.
fn check_size(
    from: [usize; 2],
    axis: usize,
    window: Window,
    channels: usize,
) -> Result<(), String> {
    let mut to = from;
    to[axis] = window.length;
    if from.iter().chain(&to).any(|&side| side > LONGEST_SIDE) {
        return Err(format!("a side of more than {LONGEST_SIDE} pixels, too long to resize"));
    }
    let values = to[0].saturating_mul(to[1]).saturating_mul(channels);
    if values > MOST_VALUES {
        let ([width, height], [to_width, to_height]) = (from, to);
        return Err(format!(
            "{width}×{height} pixels, which take more than 1 GiB to resize to {to_width}×{to_height}"
        ));
    }
    Ok(())
}

/// A side of an image that is resized and then cropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// The length after resizing, in pixels.
    pub whole: usize,
    /// The first pixel that is kept.
    pub start: usize,
    /// The number of pixels that are kept.
    pub length: usize,
}

impl Window {
    /// Creates a window of all `length` pixels.
    pub fn all(length: usize) -> Self {
        Self { whole: length, start: 0, length }
    }

    /// Creates a window of `length` pixels in the middle. Of two middles, the one with an even
    /// start is taken, as by torchvision's `CenterCrop`: Python rounds halves to even.
    pub fn centred(whole: usize, length: usize) -> Self {
        let margin = whole.saturating_sub(length);
        let start = margin / 2;
        let start = if margin % 2 == 1 && start % 2 == 1 { start + 1 } else { start };
        Self { whole, start, length }
    }

    /// Returns the same window of the mirrored side.
    pub fn mirrored(self) -> Self {
        Self { start: self.whole - self.length - self.start, ..self }
    }

    /// Returns the start and the length of the window before resizing.
    ///
    /// Filters also see pixels outside of it. So cropping the original gives the same pixels as
    /// cropping the resized image, like the `box` of Pillow's `resize`.
    fn of_original(self, side: usize) -> [f64; 2] {
        let [whole, start, length, side] =
            [self.whole, self.start, self.length, side].map(|pixels| pixels as f64);
        // Multiplied first: a window of all pixels is exactly the side.
        let start = start * side / whole;
        // Rounding errors must not lead outside.
        [start, (length * side / whole).min(side - start)]
    }
}

/// Resizes a side by taking for each pixel the pixel of the original at its centre.
fn nearest(
    pixels: &[u8],
    channels: usize,
    from: [usize; 2],
    axis: usize,
    window: Window,
) -> Vec<u8> {
    let mut kept = from.map(|side| (0..side).collect::<Vec<_>>());
    kept[axis] = middles(from[axis], window);
    let [columns, rows] = kept;
    let mut resized = Vec::with_capacity(columns.len() * rows.len() * channels);
    for row in rows {
        let row = &pixels[row * from[0] * channels..][..from[0] * channels];
        for &column in &columns {
            resized.extend_from_slice(&row[column * channels..][..channels]);
        }
    }
    resized
}

/// Returns, for each pixel in the window of a side, the pixel out of `from` at its centre.
///
/// The positions are sums of one step, as in Pillow's `ImagingScaleAffine`. For a centre on the
/// border between two pixels, rounding errors decide, and this makes the same errors as Pillow.
fn middles(from: usize, window: Window) -> Vec<usize> {
    let step = from as f64 / window.whole as f64;
    let middles = std::iter::successors(Some(step * 0.5), |middle| Some(middle + step));
    let kept = middles.skip(window.start).take(window.length);
    kept.map(|middle| (middle as usize).min(from - 1)).collect()
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
