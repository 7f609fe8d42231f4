//! A data set's images where they are more than memory holds.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::ahead::Ahead;
use super::decoding::{Trouble, read_file};
use super::files::File;
use super::headers::Headers;
use super::image_folder::ImageFolder;
use super::image_spec::ImageSpec;
use super::images::{Images, Skipped};
use super::reading::{Numbers, Reading};
use super::scaling::Sums;
use super::streamed::{Content, Streamed};
use super::tally::{Progress, Tally};
use crate::error::Result;

/// What images that are being decoded may take beside the budget, in bytes.
const BESIDE: u64 = 100 << 20;

/// Both parts as they are listed, if their images are more than the budget. What the headers say
/// is settled here: the format, and that the images agree.
pub(super) fn stream(
    parts: &[&ImageFolder],
    reading: &Reading,
    format: &mut ImageSpec,
    budget: u64,
    progress: Progress<'_>,
) -> Result<Option<Vec<Images>>> {
    let files: Vec<&File> = parts.iter().flat_map(|part| part.files()).collect();
    let mut headers = Headers::of(files);
    if !reading.skip_bad {
        headers.all_read()?;
    }
    match (reading.size, reading.channels) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => format.channels = headers.most(|header| header.channels).max(1),
        (None, channels) => {
            headers.same_size()?;
            if channels.is_none() {
                headers.same_channels()?;
            }
        }
    }
    if (headers.files.len() as u64).saturating_mul(format.len() as u64) <= budget {
        return Ok(None);
    }

    // While it is decoded, an image is there once as in its file and once as decoded.
    let largest = headers.most(|header| {
        2 * header.channels * header.size.iter().map(|&side| side as usize).product::<usize>()
    });
    let threads = BESIDE / largest.max(1) as u64;
    let threads = usize::try_from(threads).unwrap_or(usize::MAX);
    let threads = threads.clamp(1, rayon::current_num_threads());
    let ahead = Ahead::new(threads, usize::try_from(budget).unwrap_or(usize::MAX))?;

    let to_inspect = match (&reading.numbers, reading.skip_bad) {
        (_, true) => parts.len(),
        (Numbers::Standardized, false) => 1,
        (Numbers::By(_), false) => 0,
    };
    let total = parts[..to_inspect].iter().map(|part| part.files().len()).sum();
    let tally = Tally::new(total, progress);
    let inspected = parts[..to_inspect]
        .iter()
        .map(|part| ahead.install(|| inspect(part, format, reading, &tally)));
    let mut inspected = inspected.collect::<Result<Vec<_>>>()?;
    if let (Numbers::Standardized, Some(train)) = (&reading.numbers, inspected.first()) {
        format.scaling = train.sums.scaling(format.channels, train.folder.place())?;
    }
    inspected.extend(parts[to_inspect..].iter().map(|part| Inspected {
        folder: (*part).clone(),
        contents: part.files().iter().map(|_| Content::default()).collect(),
        skipped: Vec::new(),
        sums: Sums::default(),
    }));

    let ahead = Arc::new(ahead);
    let images = inspected.into_iter().enumerate().map(|(part, found)| {
        let folder = Arc::new(found.folder);
        let of_part = (part, folder.clone());
        let streamed =
            Streamed::new(of_part, format.clone(), reading, found.contents, ahead.clone());
        Images::streamed(folder, format.clone(), streamed, found.skipped)
    });
    Ok(Some(images.collect()))
}

/// What decoding a part once told of it.
struct Inspected {
    /// The images that were kept.
    folder: ImageFolder,
    contents: Vec<Content>,
    skipped: Vec<Skipped>,
    sums: Sums,
}

fn inspect(
    folder: &ImageFolder,
    format: &ImageSpec,
    reading: &Reading,
    tally: &Tally<'_>,
) -> Result<Inspected> {
    let sums = Mutex::new(Sums::default());
    let read = folder.files().par_iter().map(|file| {
        let read = read_file(file, format, reading);
        tally.one_more();
        let (pixels, content) = read.map_err(Box::new)?;
        // Whole numbers: their sum is the same in any order.
        let of_image = Sums::of(&pixels, format.channels);
        sums.lock().unwrap_or_else(PoisonError::into_inner).add(&of_image);
        Ok(content)
    });
    let read: Vec<Result<u32, Box<Trouble>>> = read.collect();
    let (mut kept, mut contents, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (index, read) in read.into_iter().enumerate() {
        match read.map_err(|trouble| *trouble) {
            Ok(checksum) => {
                let content = Content::default();
                content.agrees(checksum);
                contents.push(content);
                kept.push(index);
            }
            Err(Trouble::Failed(error)) if reading.skip_bad => {
                skipped.push(Skipped::new(&folder.files()[index], &error));
            }
            Err(trouble) => return Err(trouble.of(&folder.files()[index])),
        }
    }
    let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    let folder = match skipped.is_empty() {
        true => folder.clone(),
        false => folder.without_others(&kept)?,
    };
    Ok(Inspected { folder, contents, skipped, sums })
}
