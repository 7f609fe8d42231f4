//! One image file to pixels: PNG or JPEG.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::files::File;
use super::jpeg_end;
use super::picture::{Picture, turned};
use crate::error::{Error, Result};

/// The widest or highest image that is decoded, in pixels.
pub(super) const LARGEST_SIDE: u32 = 16_384;
/// The most memory that one image's decoder may take, in bytes.
const MOST_MEMORY: u64 = 1 << 28;

/// How a JPEG begins.
const JPEG: [u8; 2] = [0xff, 0xd8];
/// Where a file tells its size, in bytes: nearly every one in the first few, and a photo behind
/// what its camera says of it.
const HEADERS: [u64; 2] = [1 << 12, 1 << 18];

/// What a file says of its image before it is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// `[width, height]` in pixels, the right way up.
    pub size: [u32; 2],
    /// 1 for grey, 3 for colour.
    pub channels: usize,
}

/// Decodes a file, of which this is the content, as [`decode`].
pub(super) fn decode_file(file: &File, content: &[u8]) -> Result<Picture> {
    match file.raw() {
        Some((planes, shape)) => Ok(Picture::from_planes(planes, shape)),
        None => decode(content, file),
    }
}

/// Decodes a file's content into one channel if it is grey and three if it is not; transparency is
/// left out and 16 bits become 8. `name` stands for the file in messages.
pub(super) fn decode(bytes: &[u8], name: &dyn std::fmt::Display) -> Result<Picture> {
    picture(bytes).map_err(|reason| Error::Image { file: name.to_string(), reason })
}

fn picture(bytes: &[u8]) -> Result<Picture, String> {
    let text = |error: image::ImageError| error.to_string();
    let mut decoder = decoder(bytes)?;
    if bytes.starts_with(&JPEG) && jpeg_end::breaks_off(bytes) {
        return Err("it breaks off before its end".to_owned());
    }
    if decoder.total_bytes() > MOST_MEMORY {
        let bytes = decoder.total_bytes();
        return Err(format!("it unpacks to {bytes} bytes, more than {MOST_MEMORY}"));
    }
    let (width, height) = decoder.dimensions();
    let size = [width as usize, height as usize];
    let turn = decoder.orientation().map_err(text)?;
    if decoder.color_type() == image::ColorType::L8 {
        let mut pixels = vec![0; size[0] * size[1]];
        decoder.read_image(&mut pixels).map_err(text)?;
        return Ok(Picture { pixels, channels: 1, size, turn, transparent: false });
    }
    let image = DynamicImage::from_decoder(decoder).map_err(text)?;
    let (transparent, colour) = (image.color().has_alpha(), image.color().has_color());
    let (pixels, channels) = match colour {
        true => (image.into_rgb8().into_raw(), 3),
        false => (image.into_luma8().into_raw(), 1),
    };
    Ok(Picture { pixels, channels, size, turn, transparent })
}

/// What a file says of its image, from the file's beginning where that is enough.
pub(super) fn header(file: &File) -> Result<Header> {
    if let Some((_, [channels, height, width])) = file.raw() {
        return Ok(Header { size: [width as u32, height as u32], channels });
    }
    for bytes in HEADERS {
        let beginning = file.beginning(bytes)?;
        match header_of(&beginning) {
            Ok(found) => return Ok(found),
            // That was all of it.
            Err(_) if (beginning.len() as u64) < bytes => break,
            Err(_) => {}
        }
    }
    header_of(&file.read()?).map_err(|reason| Error::Image { file: file.to_string(), reason })
}

fn header_of(bytes: &[u8]) -> Result<Header, String> {
    let mut decoder = decoder(bytes)?;
    let turn = decoder.orientation().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() { 3 } else { 1 };
    Ok(Header { size: turned([width, height], turn), channels })
}

/// A decoder of a file's content that refuses what is too large, or says why it is no image.
fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, String> {
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
    reader.into_decoder().map_err(|error| error.to_string())
}
