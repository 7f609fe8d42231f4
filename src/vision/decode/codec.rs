//! The content of an image file to pixels.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::container::{is_cut_jpeg, without_metadata};
use super::picture::{Picture, turned};
use crate::error::{Error, Result};
use crate::vision::spec::LARGEST_SIDE;
use crate::vision::tree::DataFile;

/// The most memory that one image's decoder may take, in bytes.
const MOST_MEMORY: u64 = 1 << 28;
/// How many bytes from the start of a file usually hold its size: nearly always the first few, and
/// in a photo those after what the camera wrote about it.
const HEADERS: [u64; 2] = [1 << 12, 1 << 18];
/// The formats that are read, known by their first bytes.
const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
];

/// What a file says of its image before it is decoded.
#[derive(Debug, Clone, Copy)]
pub(in crate::vision) struct ImageHeader {
    /// `[width, height]` in pixels, the right way up.
    pub size: [u32; 2],
    /// 1 for grey, 3 for colour.
    pub channels: usize,
}

/// Decodes a file, whose content this is.
pub(in crate::vision) fn decode_file(file: &DataFile, content: &[u8]) -> Result<Picture> {
    match file.raw() {
        Some((planes, shape)) => Ok(Picture::from_planes(planes, shape)),
        None => decode(content, file),
    }
}

/// Decodes the content of a file into one channel if it is grey and three if it is in colour;
/// transparency is left out and 16 bits become 8. `name` stands for the file in messages.
pub(in crate::vision) fn decode(bytes: &[u8], name: &dyn std::fmt::Display) -> Result<Picture> {
    picture(bytes).map_err(|reason| Error::image(name, reason))
}

fn picture(bytes: &[u8]) -> Result<Picture, String> {
    let text = |error: ImageError| error.to_string();
    let bytes = without_metadata(bytes);
    let mut decoder = decoder(&bytes)?;
    if is_cut_jpeg(&bytes) {
        return Err("truncated: no end marker".to_owned());
    }
    if decoder.total_bytes() > MOST_MEMORY {
        let bytes = decoder.total_bytes();
        return Err(format!("{bytes} bytes of pixels; at most {MOST_MEMORY} are decoded"));
    }
    let (width, height) = decoder.dimensions();
    let size = [width as usize, height as usize];
    let turn = decoder.orientation().map_err(text)?;
    if decoder.color_type() == ColorType::L8 {
        let mut pixels = vec![0; size[0] * size[1]];
        decoder.read_image(&mut pixels).map_err(text)?;
        return Ok(Picture { pixels, channels: 1, size, turn, transparent: false });
    }
    let image = DynamicImage::from_decoder(decoder).map_err(text)?;
    let transparent = is_transparent(&image);
    let (pixels, channels) = if image.color().has_color() {
        (image.into_rgb8().into_raw(), 3)
    } else {
        (image.into_luma8().into_raw(), 1)
    };
    Ok(Picture { pixels, channels, size, turn, transparent })
}

/// Whether some transparency is lost. GIFs are always decoded with an alpha channel, which says
/// nothing by itself.
fn is_transparent(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        image => image.color().has_alpha(),
    }
}

/// Reads what a file says of its image, from its beginning if that is enough.
pub(in crate::vision) fn header(file: &DataFile) -> Result<ImageHeader> {
    if let Some((_, [channels, height, width])) = file.raw() {
        return Ok(ImageHeader { size: [width as u32, height as u32], channels });
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
    header_of(&file.read()?).map_err(|reason| Error::image(file, reason))
}

fn header_of(bytes: &[u8]) -> Result<ImageHeader, String> {
    let bytes: Cow<'_, [u8]> = without_metadata(bytes);
    let mut decoder = decoder(&bytes)?;
    let turn = decoder.orientation().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() { 3 } else { 1 };
    Ok(ImageHeader { size: turned([width, height], turn), channels })
}

/// A decoder that refuses what is too large, or why there is none.
fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, String> {
    if bytes.is_empty() {
        return Err("empty file".to_owned());
    }
    let format = image::guess_format(bytes)
        .ok()
        .filter(|format| FORMATS.contains(format))
        .ok_or("not a PNG, JPEG, WebP, BMP, GIF or TIFF")?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| error.to_string())
}
