//! Reading a data set's images into one format: into memory, or streamed.
//!
//! A file's bytes are decoded into a picture, which is fitted to the format ([`file`]). The code
//! here does this once for all files, into memory. [`streamed`] does it again for each batch, ahead
//! of its use ([`prefetch`]). [`stream_setup`] decides whether to stream, and on the common format.

pub(super) mod file;
mod options;
mod prefetch;
mod stream_setup;
pub(super) mod streamed;

use rayon::prelude::*;

use self::file::{Misfit, Pass, Why, read_part};
use self::options::Numbers;
pub use self::options::ReadOptions;
use self::stream_setup::{kept_bytes, stream};
use super::decode::{Headers, header};
use super::images::Images;
use super::open::{ImageFolder, Splits};
use super::progress::{Progress, Tally};
use super::scaling::PixelSums;
use super::spec::ImageSpec;
use crate::error::{Error, Remedy, Result};

/// Reads the parts of one data set into one format. The first part is the training images.
pub(super) fn read_parts(
    parts: &[&ImageFolder],
    options: &ReadOptions,
    progress: Progress<'_>,
) -> Result<Vec<Images>> {
    read_all(parts, options, progress).map_err(with_skip_remedy)
}

/// Adds what helps against an unreadable image, where images can be skipped.
pub(super) fn with_skip_remedy(error: Error) -> Error {
    match error {
        Error::Image { .. } => error.with_remedy(Remedy::SkipBadImages),
        other => other,
    }
}

fn read_all(
    parts: &[&ImageFolder],
    options: &ReadOptions,
    progress: Progress<'_>,
) -> Result<Vec<Images>> {
    options.check()?;
    if let Some(empty) = parts.iter().find(|part| part.files().is_empty()) {
        return Err(Error::data(empty.place(), "no images"));
    }
    let mut format = target_format(parts, options)?;
    let may_become_colour = options.size.is_some() && options.channels.is_none();
    let most_channels = if may_become_colour { 3 } else { format.channels };
    let widest = format.clone().with_channels(most_channels);
    let most = kept_bytes(parts.iter().map(|part| part.files().len()), &widest, options);
    let budget = options.budget();
    if most > budget
        && let Some(streamed) = stream(parts, options, &mut format, budget, progress)?
    {
        return Ok(streamed);
    }
    let decoded = match decode_parts(parts, &format, options, progress)? {
        Some(decoded) => decoded,
        // The format was inferred from a grey image, and another one is in colour: start again.
        None => {
            format.channels = 3;
            decode_parts(parts, &format, options, progress)?.unwrap_or_default()
        }
    };
    if let (Numbers::Standardized, Some((train, pixels))) = (&options.numbers, decoded.first()) {
        let (kept, _) = options.kept_format(0, &format);
        let sums = PixelSums::of_all(pixels, kept.len(), kept.channels);
        format.scaling = sums.scaling(format.channels, train.folder.place())?;
    }
    let images = decoded.into_iter().enumerate().map(|(part, (pass, pixels))| {
        let images =
            Images::in_memory(pass.folder, format.clone(), pixels, pass.contents, pass.skipped);
        match options.kept_format(part, &format) {
            (kept, true) => images.presized([kept.height, kept.width], pass.sizes),
            _ => images,
        }
    });
    Ok(images.collect())
}

/// One part in memory: its kept files, and the pixels of one image after the other.
type DecodedPart = (Pass, Vec<u8>);

/// Decodes all parts. Returns `None` if an image is in colour and the inferred format is grey.
fn decode_parts(
    parts: &[&ImageFolder],
    format: &ImageSpec,
    options: &ReadOptions,
    progress: Progress<'_>,
) -> Result<Option<Vec<DecodedPart>>> {
    let total = parts.iter().map(|part| part.files().len()).sum();
    let tally = Tally::new(total, progress);
    let mut decoded = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let (format, _) = options.kept_format(index, format);
        let misfit = match decode_part(part, &format, options, &tally) {
            Ok(part) => {
                decoded.push(part);
                continue;
            }
            Err(misfit) => misfit,
        };
        // For the message, the headers of all files are compared. If they all agree, the file has
        // changed in the meantime, and its own error is returned.
        let headers =
            || Headers::of(parts.iter().flat_map(|part| part.files()).collect::<Vec<_>>());
        match misfit.why {
            Why::InColour => return Ok(None),
            Why::OtherSize => headers().same_size()?,
            Why::OtherChannels => headers().same_channels()?,
            Why::Unreadable => {}
        }
        return Err(misfit.into_error());
    }
    Ok(Some(decoded))
}

fn decode_part(
    folder: &ImageFolder,
    format: &ImageSpec,
    options: &ReadOptions,
    tally: &Tally<'_>,
) -> Result<DecodedPart, Misfit> {
    let (count, size) = (folder.files().len(), format.len());
    let mut pixels = Vec::new();
    let room = size.checked_mul(count).filter(|&n| pixels.try_reserve_exact(n).is_ok());
    let Some(room) = room else {
        let problem = format!("{count} images of {size} bytes do not fit in memory");
        return Err(Error::data(folder.place(), problem).into());
    };
    pixels.resize(room, 0);
    let slots = pixels.par_chunks_exact_mut(size);
    let pass = read_part(folder, format, options, tally, slots, |slot, image| {
        slot.copy_from_slice(image);
    })?;
    if !pass.skipped.is_empty() {
        for (to, &from) in pass.kept.iter().enumerate() {
            pixels.copy_within(from * size..(from + 1) * size, to * size);
        }
        pixels.truncate(pass.kept.len() * size);
        pixels.shrink_to_fit();
    }
    Ok((pass, pixels))
}

/// Returns the requested format; the first image sets what the options leave open.
fn target_format(parts: &[&ImageFolder], options: &ReadOptions) -> Result<ImageSpec> {
    let (size, channels) = match (options.size, options.channels) {
        (Some(size), Some(channels)) => (size, channels),
        (size, channels) => {
            let files = parts.iter().flat_map(|part| part.files());
            let mut headers = files.map(header);
            let first = if options.skip_bad {
                headers.by_ref().find(Result::is_ok).or_else(|| headers.next())
            } else {
                headers.next()
            };
            let none = || Error::data(parts[0].place(), "none of its files is a readable image");
            let first = first.ok_or_else(none)??;
            let [width, height] = first.size.map(|side| side as usize);
            (size.unwrap_or([height, width]), channels.unwrap_or(first.channels))
        }
    };
    let mut format = ImageSpec::new([channels, size[0], size[1]]);
    format.filter = options.filter;
    format.resize = options.resize;
    if let Numbers::By(scaling) = &options.numbers {
        format.scaling = scaling.clone();
    }
    format.check().map_err(|expected| Error::setting("image format", &format, expected))?;
    Ok(format)
}

impl Images {
    /// Decodes all images of a folder on all threads, without resizing or converting them:
    /// [`read`](Self::read) with the default options.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn decode(folder: &ImageFolder) -> Result<Self> {
        Self::read(folder, &ReadOptions::new(), &|_, _| {})
    }

    /// Reads all images of a folder on all threads. `progress` is called now and then, from any
    /// thread, with the number of images done and the total.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is not a complete image, [`Error::Read`] if a file
    /// cannot be read, [`Error::Setting`] if an option is out of range, [`Error::Data`] if images
    /// differ in size or channels and the options do not set these, if there are no images, or if
    /// a class has none left.
    pub fn read(
        folder: &ImageFolder,
        options: &ReadOptions,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self> {
        read_parts(&[folder], options, progress)?
            .pop()
            .ok_or_else(|| Error::data(folder.place(), "no images"))
    }
}

impl Splits {
    /// Reads the training images and the validation images into one format.
    ///
    /// Statistics of the data, as for [`ReadOptions::standardized`], are those of the training
    /// images. `progress` counts the images of both parts.
    ///
    /// # Errors
    ///
    /// As [`Images::read`], over both parts together.
    pub fn read(
        &self,
        options: &ReadOptions,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(Images, Images)> {
        let parts = read_parts(&[&self.train, &self.valid], options, progress)?;
        match <[Images; 2]>::try_from(parts) {
            Ok([train, valid]) => Ok((train, valid)),
            Err(_) => Err(Error::data(&self.place, "no images")),
        }
    }
}
