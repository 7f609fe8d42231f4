//! Setting up a data set whose images do not fit in memory.

use std::sync::{Arc, Mutex, PoisonError};

use super::file::{Misfit, read_part};
use super::options::{Numbers, ReadOptions};
use super::prefetch::Prefetch;
use super::streamed::{KnownChecksum, StreamedImages};
use crate::error::Result;
use crate::mutex::lock;
use crate::vision::data_files::DataFile;
use crate::vision::decode::Headers;
use crate::vision::images::Images;
use crate::vision::open::ImageFolder;
use crate::vision::progress::{Progress, Tally};
use crate::vision::scaling::PixelSums;
use crate::vision::spec::ImageSpec;

/// The memory for images that are being decoded, on top of the budget, in bytes.
const DECODING_MEMORY: u64 = 100 << 20;

/// Sets up streaming for all parts, or returns `None` if their images fit in the budget. The
/// headers of all files settle the format and whether the images agree.
pub(super) fn stream(
    parts: &[&ImageFolder],
    options: &ReadOptions,
    format: &mut ImageSpec,
    budget: u64,
    progress: Progress<'_>,
) -> Result<Option<Vec<Images>>> {
    let files: Vec<&DataFile> = parts.iter().flat_map(|part| part.files()).collect();
    let mut headers = Headers::of(files);
    if !options.skip_bad {
        headers.all_read()?;
    }
    match (options.size, options.channels) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => format.channels = headers.most(|header| header.channels).max(1),
        (None, channels) => {
            headers.same_size()?;
            if channels.is_none() {
                headers.same_channels()?;
            }
        }
    }
    if kept_bytes(parts.iter().map(|part| part.files().len()), format, options) <= budget {
        return Ok(None);
    }

    // An image takes memory twice while it is decoded: in its file's layout and in the result.
    let largest = headers.most(|header| {
        2 * header.channels * header.size.iter().map(|&side| side as usize).product::<usize>()
    });
    let threads = DECODING_MEMORY / largest.max(1) as u64;
    let threads = usize::try_from(threads).unwrap_or(usize::MAX);
    let threads = threads.clamp(1, rayon::current_num_threads());
    let prefetch = Prefetch::new(threads, usize::try_from(budget).unwrap_or(usize::MAX))?;

    let to_inspect = match (&options.numbers, options.skip_bad) {
        (_, true) => parts.len(),
        (Numbers::Standardized, false) => 1,
        (Numbers::By(_), false) => 0,
    };
    let total = parts[..to_inspect].iter().map(|part| part.files().len()).sum();
    let tally = Tally::new(total, progress);
    // Integer sums are the same in any order.
    let sums = Mutex::new(PixelSums::default());
    let mut images = Vec::new();
    let mut sizes =
        headers.files.into_iter().map(|(_, header)| header.map(|h| [h.size[1], h.size[0]]));
    for (index, part) in parts.iter().enumerate() {
        let of_part: Vec<_> = sizes.by_ref().take(part.files().len()).flatten().collect();
        let (format, _) = options.kept_format(index, format);
        if index >= to_inspect {
            let contents = part.files().iter().map(|_| KnownChecksum::default()).collect();
            images.push(((*part).clone(), contents, of_part, Vec::new()));
            continue;
        }
        let slots = rayon::iter::repeat_n((), part.files().len());
        let is_train = index == 0;
        let read = prefetch.install(|| {
            read_part(part, &format, options, &tally, slots, |(), pixels| {
                if is_train {
                    let of_image = PixelSums::of(pixels, format.channels);
                    lock(&sums).add(&of_image);
                }
            })
        });
        let pass = read.map_err(Misfit::into_error)?;
        let contents = pass.contents.into_iter().map(KnownChecksum::of).collect();
        images.push((pass.folder, contents, pass.sizes, pass.skipped));
    }
    if let (Numbers::Standardized, Some((train, ..))) = (&options.numbers, images.first()) {
        let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        format.scaling = sums.scaling(format.channels, train.place())?;
    }

    let prefetch = Arc::new(prefetch);
    let images =
        images.into_iter().enumerate().map(|(part, (folder, contents, sizes, skipped))| {
            let folder = Arc::new(folder);
            let of_part = (part, folder.clone());
            let (kept, is_presized) = options.kept_format(part, format);
            let size = [kept.height, kept.width];
            let streamed = StreamedImages::new(of_part, kept, options, contents, prefetch.clone());
            let images = Images::streamed(folder, format.clone(), streamed, skipped);
            if is_presized { images.presized(size, sizes) } else { images }
        });
    Ok(Some(images.collect()))
}

/// Returns the memory for all images of the parts, in bytes.
pub(super) fn kept_bytes(
    counts: impl Iterator<Item = usize>,
    format: &ImageSpec,
    options: &ReadOptions,
) -> u64 {
    let bytes = counts.enumerate().map(|(part, count)| {
        let (kept, _) = options.kept_format(part, format);
        (count as u64).saturating_mul(kept.len() as u64)
    });
    bytes.fold(0, u64::saturating_add)
}
