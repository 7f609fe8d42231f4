//! A data set's images, read into one format: into memory, or streamed.

use super::decode::header;
use super::decoding::decode_parts;
use super::image_folder::ImageFolder;
use super::image_spec::ImageSpec;
use super::images::Images;
use super::reading::{Numbers, Reading};
use super::scaling::Sums;
use super::streaming::stream;
use super::tally::Progress;
use crate::error::{Error, Result};

/// Reads the parts of one data set into one format, the training images first.
pub(super) fn read(
    parts: &[&ImageFolder],
    reading: &Reading,
    progress: Progress<'_>,
) -> Result<Vec<Images>> {
    read_all(parts, reading, progress).map_err(|error| match error {
        Error::Image { file, reason } => {
            let way_out = "Reading::skip_bad (--bad-images skip) leaves such files out";
            Error::Image { file, reason: format!("{reason}; {way_out}") }
        }
        other => other,
    })
}

fn read_all(
    parts: &[&ImageFolder],
    reading: &Reading,
    progress: Progress<'_>,
) -> Result<Vec<Images>> {
    reading.check()?;
    if let Some(empty) = parts.iter().find(|part| part.files().is_empty()) {
        return Err(Error::layout(empty.place(), "no images"));
    }
    let mut format = expected(parts, reading)?;
    let may_become_colour = reading.size.is_some() && reading.channels.is_none();
    let most_channels = if may_become_colour { 3 } else { format.channels };
    let count: usize = parts.iter().map(|part| part.files().len()).sum();
    let most = (count as u64).saturating_mul((format.height * format.width * most_channels) as u64);
    let budget = reading.budget();
    if most > budget
        && let Some(streamed) = stream(parts, reading, &mut format, budget, progress)?
    {
        return Ok(streamed);
    }
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
