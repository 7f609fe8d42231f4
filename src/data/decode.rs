//! One image file to pixels: PNG or JPEG in, channels first out.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::files::File;
use crate::error::{Error, Result};

/// The widest or highest image that is decoded, in pixels.
pub(super) const LARGEST_SIDE: u32 = 16_384;
/// The most memory that one image's decoder may take, in bytes.
const MOST_MEMORY: u64 = 1 << 28;

/// Where nearly every file has told its size, in bytes.
const HEADER: u64 = 1 << 12;

/// A decoded image.
#[derive(Debug)]
pub(super) struct Picture {
    /// `[channels, height, width]` in row-major order.
    pub pixels: Vec<u8>,
    pub shape: [usize; 3],
    /// Whether it had transparency, which is left out.
    pub transparent: bool,
}

/// Decodes a file into one channel if it is grey and three if it is not; transparency is left
/// out and 16 bits become 8.
pub(super) fn decode(file: &File) -> Result<Picture> {
    if let Some((pixels, shape)) = file.raw() {
        return Ok(Picture { pixels: pixels.to_vec(), shape, transparent: false });
    }
    decode_bytes(&file.read()?, file)
}

/// As [`decode`], from a file's content; `name` stands for the file in messages.
pub(super) fn decode_bytes(bytes: &[u8], name: &dyn std::fmt::Display) -> Result<Picture> {
    let broken = |reason: String| Error::Image { file: name.to_string(), reason };
    let decoder = reader(bytes)
        .and_then(|reader| reader.into_decoder().map_err(|error| error.to_string()))
        .map_err(broken)?;

    if decoder.total_bytes() > MOST_MEMORY {
        let bytes = decoder.total_bytes();
        return Err(broken(format!("it unpacks to {bytes} bytes, more than {MOST_MEMORY}")));
    }

    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    if decoder.color_type() == image::ColorType::L8 {
        let mut pixels = vec![0; width * height];
        decoder.read_image(&mut pixels).map_err(|error| broken(error.to_string()))?;
        return Ok(Picture { pixels, shape: [1, height, width], transparent: false });
    }
    let image = DynamicImage::from_decoder(decoder).map_err(|error| broken(error.to_string()))?;
    let transparent = image.color().has_alpha();
    if image.color().has_color() {
        let interleaved = image.into_rgb8().into_raw();
        let channel = |c: usize| interleaved.iter().skip(c).step_by(3).copied();
        let pixels = (0..3).flat_map(channel).collect();
        Ok(Picture { pixels, shape: [3, height, width], transparent })
    } else {
        let pixels = image.into_luma8().into_raw();
        Ok(Picture { pixels, shape: [1, height, width], transparent })
    }
}

/// An image's `[width, height]`, from the beginning of its file where that is enough.
pub(super) fn size(file: &File) -> Result<[u32; 2]> {
    if let Some((_, [_, height, width])) = file.raw() {
        return Ok([width as u32, height as u32]);
    }
    let dimensions = |bytes: &[u8]| {
        reader(bytes).and_then(|reader| reader.into_dimensions().map_err(|error| error.to_string()))
    };
    let found = match dimensions(&file.beginning(HEADER)?) {
        Ok(found) => Ok(found),
        Err(_) => dimensions(&file.read()?),
    };
    let (width, height) =
        found.map_err(|reason| Error::Image { file: file.to_string(), reason })?;
    Ok([width, height])
}

/// A reader of a file's content that refuses what is too large, or says why it is no image.
fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, String> {
    if bytes.is_empty() {
        return Err("it has zero bytes".to_owned());
    }
    let format = image::guess_format(bytes)
        .ok()
        .filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg))
        .ok_or("its content is neither PNG nor JPEG")?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    Ok(reader)
}
