//! A data set's images, decoded into memory.

use rayon::prelude::*;

use super::decode::decode_file;
use super::files::File;
use super::headers::Headers;
use super::image_folder::ImageFolder;
use super::image_spec::ImageSpec;
use super::images::Skipped;
use super::reading::Reading;
use super::tally::{Progress, Tally};
use crate::error::{Error, Mixed, Result};

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

/// What keeps a file from becoming an image of the format.
pub(super) enum Trouble {
    /// It is in colour, and what is grey so far may be so too.
    Colour,
    /// It does not agree with the others.
    Mixed(Mixed, Error),
    Failed(Error),
}

impl Trouble {
    /// As an error, where nothing can be done about it any more.
    pub fn of(self, file: &File) -> Error {
        match self {
            Self::Failed(error) | Self::Mixed(_, error) => error,
            Self::Colour => Error::layout(file, "it became one in colour while it was read"),
        }
    }
}

/// One file in the format, and the checksum of its content.
pub(super) fn read_file(
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
pub(super) fn decode_parts(
    parts: &[&ImageFolder],
    format: &ImageSpec,
    reading: &Reading,
    progress: Progress<'_>,
) -> Result<Option<Vec<Decoded>>> {
    let total = parts.iter().map(|part| part.files().len()).sum();
    let tally = Tally::new(total, progress);
    let mut decoded = Vec::new();
    for part in parts {
        match decode_part(part, format, reading, &tally) {
            Ok(part) => decoded.push(part),
            Err(Trouble::Colour) => return Ok(None),
            Err(Trouble::Failed(error)) => return Err(error),
            Err(Trouble::Mixed(mixed, changed)) => {
                let files: Vec<_> = parts.iter().flat_map(|part| part.files()).collect();
                let headers = Headers::of(files);
                match mixed {
                    Mixed::Sizes => headers.same_size()?,
                    Mixed::Channels => headers.same_channels()?,
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
    tally: &Tally<'_>,
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
        tally.one_more();
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
