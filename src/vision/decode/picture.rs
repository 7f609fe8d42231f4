//! A decoded image, and its conversion to a format.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};

use crate::vision::resize::Filter;
use crate::vision::resize_method::ResizeMethod;
use crate::vision::spec::ImageSpec;

/// A decoded image as stored in its file: not yet rotated upright.
#[derive(Debug)]
pub(in crate::vision) struct Picture {
    /// Row by row, `channels` bytes per pixel.
    pub pixels: Vec<u8>,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// `[width, height]`.
    pub size: [usize; 2],
    /// The transformation that makes it upright.
    pub turn: Orientation,
    /// Whether transparency was dropped.
    pub transparent: bool,
}

impl Picture {
    /// Creates a picture from the planes of an upright image of `[channels, height, width]`.
    pub fn from_planes(planes: &[u8], [channels, height, width]: [usize; 3]) -> Self {
        let pixels = match channels {
            1 => planes.to_vec(),
            _ => {
                let size = height * width;
                (0..size)
                    .flat_map(|pixel| (0..channels).map(move |c| planes[c * size + pixel]))
                    .collect()
            }
        };
        let turn = Orientation::NoTransforms;
        Self { pixels, channels, size: [width, height], turn, transparent: false }
    }

    /// Returns `[channels, height, width]` of the upright image.
    pub fn shape(&self) -> [usize; 3] {
        let [width, height] = turned(self.size, self.turn);
        [self.channels, height, width]
    }

    /// Returns the upright image, `[channels, height, width]` in row-major order.
    pub fn into_planes(self) -> Vec<u8> {
        let shape = self.shape();
        planes(self.upright().pixels, shape[0])
    }

    /// Converts the picture to a format. Returns `[channels, height, width]` in row-major order.
    pub fn fit(self, format: &ImageSpec) -> Result<Vec<u8>, String> {
        // A midpoint between two pixels is rounded to one side, and mirroring would swap the sides.
        let picture = if format.filter == Filter::Nearest { self.upright() } else { self };
        let Self { mut pixels, mut channels, size, turn, transparent } = picture;
        if (channels, format.channels) == (3, 1) {
            (pixels, channels) = (luma(&pixels), 1);
        }
        // Resizing a photo before rotating it is faster. The sides are still resized in the order of
        // the upright image. A crop is that of the upright image, whose margins may differ by a
        // pixel: a mirrored side is cropped at its other end.
        let upright = turned(size, turn);
        let windows = format.resize.windows(upright, [format.width, format.height]);
        let is_first = first_side(upright, windows.map(|window| window.whole));
        let [mut columns, mut rows] = turned(windows, turn);
        let [mirrors_columns, mirrors_rows] = mirrors(turn);
        if mirrors_columns {
            columns = columns.mirrored();
        }
        if mirrors_rows {
            rows = rows.mirrored();
        }
        let [width_first, _] = turned(is_first, turn);
        let windows = [columns, rows];
        let pixels = format.filter.resize(pixels, channels, size, windows, width_first)?;
        let size = windows.map(|window| window.length);
        let picture = Self { pixels, channels, size, turn, transparent };
        let [_, height, width] = picture.shape();
        let mut planes = picture.into_planes();
        if let ResizeMethod::Pad { padding } = format.resize {
            planes = padding.padded(&planes, [height, width], [format.height, format.width]);
        }
        Ok(if channels < format.channels { planes.repeat(format.channels) } else { planes })
    }

    fn upright(self) -> Self {
        if self.turn == Orientation::NoTransforms {
            return self;
        }
        let Self { pixels, channels, size, turn, .. } = self;
        let [width, height] = size.map(|side| side as u32);
        let image = match channels {
            1 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
            _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        };
        let mut image = image.unwrap_or_default();
        image.apply_orientation(turn);
        let (size, turn) = (turned(size, turn), Orientation::NoTransforms);
        Self { pixels: image.into_bytes(), size, turn, ..self }
    }
}

/// Returns the width and height after a transformation: a quarter turn swaps them.
pub(in crate::vision) fn turned<T>([width, height]: [T; 2], turn: Orientation) -> [T; 2] {
    match turn {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => [height, width],
        _ => [width, height],
    }
}

/// Returns whether the width and whether the height is resized first, as in Pillow 13: the height
/// if it loses more than twice as many pixels as the width. The order changes the result where a
/// filter overshoots, since values outside 0 to 255 are clipped after each side.
fn first_side(from: [usize; 2], to: [usize; 2]) -> [bool; 2] {
    let [width_loss, height_loss] = [0, 1].map(|axis| from[axis].saturating_sub(to[axis]));
    let is_height = height_loss > width_loss.saturating_mul(2);
    [!is_height, is_height]
}

/// Returns whether a transformation reverses the order of the stored columns and of the rows.
fn mirrors(turn: Orientation) -> [bool; 2] {
    match turn {
        Orientation::NoTransforms | Orientation::Rotate90FlipH => [false, false],
        Orientation::FlipHorizontal | Orientation::Rotate270 => [true, false],
        Orientation::FlipVertical | Orientation::Rotate90 => [false, true],
        Orientation::Rotate180 | Orientation::Rotate270FlipH => [true, true],
    }
}

/// Reorders interleaved pixels into planes: channels first.
fn planes(pixels: Vec<u8>, channels: usize) -> Vec<u8> {
    if channels == 1 {
        return pixels;
    }
    let plane = |channel| pixels.iter().skip(channel).step_by(channels).copied();
    (0..channels).flat_map(plane).collect()
}

/// Converts RGB to grey with the weights of Rec. 601, as Pillow's `convert("L")` and JPEG do.
fn luma(pixels: &[u8]) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<3>();
    let grey = pixels.iter().map(|&pixel| {
        let [red, green, blue] = pixel.map(u32::from);
        ((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8
    });
    grey.collect()
}
