//! Reading a data set's images into one format: into memory, or streamed.
//!
//! There is one way down: a file's bytes are decoded into a picture, which is fitted to the format
//! ([`file`]). Here it is done once for all files, into memory; [`streamed`] does it anew for each
//! batch, ahead of its use ([`prefetch`]), and [`streaming`] settles beforehand what all files must
//! agree on.

pub(super) mod file;
mod options;
mod prefetch;
pub(super) mod streamed;
mod streaming;

use rayon::prelude::*;

use self::file::{Misfit, Pass, Why, read_part};
use self::options::Numbers;
pub use self::options::ReadOptions;
use self::streaming::stream;
use super::decode::{Headers, header};
use super::images::Images;
use super::open::{ImageFolder, Splits};
use super::progress::{Progress, Tally};
use super::scaling::PixelSums;
use super::spec::ImageSpec;
use crate::error::{Error, Remedy, Result};

/// Reads the parts of one data set into one format, the training images first.
pub(super) fn read_parts(
    parts: &[&ImageFolder],
    options: &ReadOptions,
    progress: Progress<'_>,
) -> Result<Vec<Images>> {
    read_all(parts, options, progress).map_err(|error| match error {
        Error::Image { .. } => error.with_remedy(Remedy::SkipBadImages),
        other => other,
    })
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
    let mut format = expected(parts, options)?;
    let may_become_colour = options.size.is_some() && options.channels.is_none();
    let most_channels = if may_become_colour { 3 } else { format.channels };
    let count: usize = parts.iter().map(|part| part.files().len()).sum();
    let most = (count as u64).saturating_mul((format.height * format.width * most_channels) as u64);
    let budget = options.budget();
    if most > budget
        && let Some(streamed) = stream(parts, options, &mut format, budget, progress)?
    {
        return Ok(streamed);
    }
    let decoded = match decode_parts(parts, &format, options, progress)? {
        Some(decoded) => decoded,
        // They may be grey or in colour, the first was grey and another is in colour: begin again.
        None => {
            format.channels = 3;
            decode_parts(parts, &format, options, progress)?.unwrap_or_default()
        }
    };
    if let (Numbers::Standardized, Some((train, pixels))) = (&options.numbers, decoded.first()) {
        let sums = PixelSums::of_all(pixels, format.len(), format.channels);
        format.scaling = sums.scaling(format.channels, train.folder.place())?;
    }
    let images = decoded.into_iter().map(|(pass, pixels)| {
        Images::in_memory(pass.folder, format.clone(), pixels, pass.contents, pass.skipped)
    });
    Ok(images.collect())
}

/// One part in memory: its kept files, and their pixels one after the other.
type DecodedPart = (Pass, Vec<u8>);

/// Decodes all parts; returns `None` if an image is in colour and the format has no room for it.
fn decode_parts(
    parts: &[&ImageFolder],
    format: &ImageSpec,
    options: &ReadOptions,
    progress: Progress<'_>,
) -> Result<Option<Vec<DecodedPart>>> {
    let total = parts.iter().map(|part| part.files().len()).sum();
    let tally = Tally::new(total, progress);
    let mut decoded = Vec::new();
    for part in parts {
        let misfit = match decode_part(part, format, options, &tally) {
            Ok(part) => {
                decoded.push(part);
                continue;
            }
            Err(misfit) => misfit,
        };
        // The headers of all files tell how many disagree; where all agree by now, the file itself
        // has changed.
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
        let problem = format!("{count} images of {size} bytes do not fit into memory");
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

/// The format that is asked for, and where none is, that of the first image.
fn expected(parts: &[&ImageFolder], options: &ReadOptions) -> Result<ImageSpec> {
    let (size, channels) = match (options.size, options.channels) {
        (Some(size), Some(channels)) => (size, channels),
        (size, channels) => {
            let files = parts.iter().flat_map(|part| part.files());
            let mut headers = files.map(header);
            let first = match options.skip_bad {
                true => headers.by_ref().find(Result::is_ok).or_else(|| headers.next()),
                false => headers.next(),
            };
            let none =
                || Error::data(parts[0].place(), "none of its files can be read as an image");
            let first = first.ok_or_else(none)??;
            let [width, height] = first.size.map(|side| side as usize);
            (size.unwrap_or([height, width]), channels.unwrap_or(first.channels))
        }
    };
    let mut format = ImageSpec::new([channels, size[0], size[1]]);
    format.filter = options.filter;
    if let Numbers::By(scaling) = &options.numbers {
        format.scaling = scaling.clone();
    }
    format.check().map_err(|expected| Error::setting("image format", &format, expected))?;
    Ok(format)
}

impl Images {
    /// Decodes every image of a folder as it is, on all threads: the short form of
    /// [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn decode(folder: &ImageFolder) -> Result<Self> {
        Self::read(folder, &ReadOptions::new(), &|_, _| {})
    }

    /// Reads every image of a folder, on all threads; `progress` is told, now and then and from
    /// any thread, how many images are done, of how many.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is not a whole image, [`Error::Read`] if a file
    /// cannot be read, [`Error::Setting`] if the options ask for what no image can be,
    /// [`Error::Data`] if images differ in size or channels and the options do not say what they
    /// become, if there is no image, or if none of a class is left.
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
    /// Reads both parts into one format: the training images and the validation images.
    ///
    /// What a [`ReadOptions`] takes from the data is taken from the training images. `progress` is told
    /// how many images of both are done, of how many.
    ///
    /// # Errors
    ///
    /// As [`Images::read`]; the images of both parts must agree.
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
