//! A whole data set's images, read into memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::decode::{decode_file, header};
use super::files::File;
use super::image_folder::ImageFolder;
use super::image_spec::ImageSpec;
use super::images::{Images, Skipped};
use super::reading::{Numbers, Reading};
use super::scaling::Sums;
use super::survey::Survey;
use crate::error::{Error, Mixed, Result};

/// What is told how many images are done, of how many, now and then and from any thread.
pub(super) type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Often enough for a bar, seldom enough to cost nothing.
const TELL_EVERY: usize = 512;

/// Reads the parts of one data set into one format, the training images first.
pub(super) fn read(
    parts: &[&ImageFolder],
    reading: &Reading,
    progress: Progress<'_>,
) -> Result<Vec<Images>> {
    reading.check()?;
    if let Some(empty) = parts.iter().find(|part| part.files().is_empty()) {
        return Err(Error::layout(empty.place(), "no images"));
    }
    let mut format = expected(parts, reading)?;
    let decoded = match decode_parts(parts, &format, reading, progress)? {
        Some(decoded) => decoded,
        // They may be grey or in colour, the first was grey and another is in colour: begin again.
        None => {
            format.channels = 3;
            decode_parts(parts, &format, reading, progress)?.unwrap_or_default()
        }
    };
    if let (Numbers::Standardized, Some(train)) = (&reading.numbers, decoded.first()) {
        let sums = Sums::of_all(&train.pixels, format.len(), format.channels);
        format.scaling = sums.scaling(format.channels, train.folder.place())?;
    }
    let images = decoded.into_iter().map(|part| Images::in_memory(part, format.clone()));
    Ok(images.collect())
}

/// One part in memory.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The images that were kept.
    pub folder: ImageFolder,
    pub pixels: Vec<u8>,
    /// The checksum of each file's content (CRC-32).
    pub contents: Vec<u32>,
    pub skipped: Vec<Skipped>,
}

/// The format that is asked for, and where none is, that of the first image.
fn expected(parts: &[&ImageFolder], reading: &Reading) -> Result<ImageSpec> {
    let (size, channels) = match (reading.size, reading.channels) {
        (Some(size), Some(channels)) => (size, channels),
        (size, channels) => {
            let files = parts.iter().flat_map(|part| part.files());
            let mut headers = files.map(header);
            let first = match reading.skip_bad {
                true => headers.by_ref().find(Result::is_ok).or_else(|| headers.next()),
                false => headers.next(),
            };
            let none =
                || Error::layout(parts[0].place(), "none of its files can be read as an image");
            let first = first.ok_or_else(none)??;
            let [width, height] = first.size.map(|side| side as usize);
            (size.unwrap_or([height, width]), channels.unwrap_or(first.channels))
        }
    };
    let mut format = ImageSpec::new([channels, size[0], size[1]]);
    format.filter = reading.filter;
    if let Numbers::By(scaling) = &reading.numbers {
        format.scaling = scaling.clone();
    }
    format.check().map_err(|problem| Error::setting("the images' format", &format, problem))?;
    Ok(format)
}

/// What keeps a file from becoming an image of the format.
enum Trouble {
    /// It is in colour, and what is grey so far may be so too.
    Colour,
    /// It does not agree with the others.
    Mixed(Mixed, Error),
    Failed(Error),
}

/// One file in the format, and the checksum of its content.
fn read_file(
    file: &File,
    format: &ImageSpec,
    reading: &Reading,
) -> Result<(Vec<u8>, u32), Trouble> {
    let bytes = file.read().map_err(Trouble::Failed)?;
    let picture = decode_file(file, &bytes).map_err(Trouble::Failed)?;
    let [channels, height, width] = picture.shape();
    let changed = || {
        let problem = format!("it became an image of {width}×{height} pixels while it was read");
        Error::layout(file, problem)
    };
    if reading.size.is_none() && [height, width] != [format.height, format.width] {
        return Err(Trouble::Mixed(Mixed::Sizes, changed()));
    }
    if reading.channels.is_none() && channels != format.channels {
        match reading.size {
            None => return Err(Trouble::Mixed(Mixed::Channels, changed())),
            Some(_) if channels == 3 => return Err(Trouble::Colour),
            Some(_) => {}
        }
    }
    let failed = |reason| Trouble::Failed(Error::Image { file: file.to_string(), reason });
    Ok((picture.fit(format).map_err(failed)?, crc32fast::hash(&bytes)))
}

/// Decodes all parts; `None` if an image is in colour and the format has no room for it.
fn decode_parts(
    parts: &[&ImageFolder],
    format: &ImageSpec,
    reading: &Reading,
    progress: Progress<'_>,
) -> Result<Option<Vec<Decoded>>> {
    let total = parts.iter().map(|part| part.files().len()).sum();
    let done = AtomicUsize::new(0);
    let tell = || {
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(TELL_EVERY) || count == total {
            progress(count, total);
        }
    };
    let mut decoded = Vec::new();
    for part in parts {
        match decode_part(part, format, reading, &tell) {
            Ok(part) => decoded.push(part),
            Err(Trouble::Colour) => return Ok(None),
            Err(Trouble::Failed(error)) => return Err(error),
            Err(Trouble::Mixed(mixed, changed)) => {
                let files: Vec<_> = parts.iter().flat_map(|part| part.files()).collect();
                let survey = Survey::of(files);
                match mixed {
                    Mixed::Sizes => survey.same_size()?,
                    Mixed::Channels => survey.same_channels()?,
                }
                return Err(changed);
            }
        }
    }
    Ok(Some(decoded))
}

fn decode_part(
    folder: &ImageFolder,
    format: &ImageSpec,
    reading: &Reading,
    tell: &(dyn Fn() + Sync),
) -> Result<Decoded, Trouble> {
    let (files, size) = (folder.files(), format.len());
    let mut pixels = Vec::new();
    let room = size.checked_mul(files.len()).filter(|&n| pixels.try_reserve_exact(n).is_ok());
    let Some(room) = room else {
        let problem = format!("{} images of {size} bytes do not fit into memory", files.len());
        return Err(Trouble::Failed(Error::layout(folder.place(), problem)));
    };
    pixels.resize(room, 0);
    let slots = pixels.par_chunks_exact_mut(size).zip(files);
    let read = slots.map(|(slot, file)| {
        let read = read_file(file, format, reading).map(|(image, content)| {
            slot.copy_from_slice(&image);
            content
        });
        tell();
        read.map_err(Box::new)
    });
    let read: Vec<Result<u32, Box<Trouble>>> = read.collect();
    let mut part =
        Decoded { folder: folder.clone(), pixels, contents: Vec::new(), skipped: Vec::new() };
    if read.iter().all(Result::is_ok) {
        part.contents = read.into_iter().flatten().collect();
        return Ok(part);
    }
    let mut kept = Vec::new();
    for (index, (file, read)) in files.iter().zip(read).enumerate() {
        // Which thread meets trouble first is chance; that of the lowest index is reported.
        match read.map_err(|trouble| *trouble) {
            Ok(content) => {
                part.pixels.copy_within(index * size..(index + 1) * size, kept.len() * size);
                part.contents.push(content);
                kept.push(index);
            }
            Err(Trouble::Failed(error)) if reading.skip_bad => {
                part.skipped.push(Skipped::new(file, &error));
            }
            Err(trouble) => return Err(trouble),
        }
    }
    part.pixels.truncate(kept.len() * size);
    part.pixels.shrink_to_fit();
    part.folder = folder.without_others(&kept).map_err(Trouble::Failed)?;
    Ok(part)
}
