//! Decoding the content of an image file.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::container::{is_cut_jpeg, is_progressive_jpeg, without_metadata};
use super::picture::{Picture, turned};
use crate::error::{Error, Result};
use crate::vision::data_files::DataFile;
use crate::vision::spec::LARGEST_SIDE;

/// The memory limit of the decoder of one image, in bytes.
const MOST_MEMORY: u64 = 1 << 28;
/// How many bytes of a file to read for its header. The first few nearly always suffice; in a photo
/// the size may follow the camera's metadata.
const HEADERS: [u64; 2] = [1 << 12, 1 << 18];
/// The supported formats, which are recognised by their first bytes.
const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
];

/// The header of an image file.
#[derive(Debug, Clone, Copy)]
pub(in crate::vision) struct ImageHeader {
    /// `[width, height]` in pixels, upright.
    pub size: [u32; 2],
    /// 1 for grey, 3 for colour.
    pub channels: usize,
}

/// Decodes a file with the given content.
pub(in crate::vision) fn decode_file(file: &DataFile, content: &[u8]) -> Result<Picture> {
    match file.raw() {
        Some((planes, shape)) => Ok(Picture::from_planes(planes, shape)),
        None => decode(content, file),
    }
}

/// Decodes the content of a file into one channel if it is grey and three if it is in colour.
/// Transparency is dropped and 16-bit channels become 8-bit. Messages call the file `name`.
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
    // The decoder of progressive JPEGs does not count its coefficients, of 2 bytes each.
    let bytes_per_sample = if is_progressive_jpeg(&bytes) { 3 } else { 1 };
    let memory = decoder.total_bytes().saturating_mul(bytes_per_sample);
    if memory > MOST_MEMORY {
        return Err(format!("{memory} bytes to decode; the limit is {MOST_MEMORY}"));
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

/// Returns whether any pixel is not opaque. An alpha channel alone says nothing: GIFs are always
/// decoded with one.
fn is_transparent(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        DynamicImage::ImageLumaA16(pixels) => pixels.pixels().any(|pixel| pixel.0[1] < u16::MAX),
        DynamicImage::ImageRgba16(pixels) => pixels.pixels().any(|pixel| pixel.0[3] < u16::MAX),
        image => image.color().has_alpha(),
    }
}

/// Reads the header of an image file, from the start of the file if that suffices.
pub(in crate::vision) fn header(file: &DataFile) -> Result<ImageHeader> {
    if let Some((_, [channels, height, width])) = file.raw() {
        return Ok(ImageHeader { size: [width as u32, height as u32], channels });
    }
    for bytes in HEADERS {
        let beginning = file.beginning(bytes)?;
        match header_of(&beginning) {
            Ok(found) => return Ok(found),
            // This was the whole file.
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

/// Creates a decoder that refuses images that are too large, or returns why it cannot.
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
