//! Checking a data set for all of its problems, not only the first one.
//!
//! [`survey`] lists the parts and classes. The code here decodes each file and finds duplicate
//! images. [`record`] and [`problem`] hold the results.

mod problem;
mod record;
mod survey;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use rayon::prelude::*;

pub use self::problem::{Finding, Fix, Problem, Severity};
pub use self::record::{ClassCount, DataCheck, FormatCount};
use self::survey::{Survey, SurveyedFile, place_and_reason};
use crate::error::Result;
use crate::vision::data_files::{DataFile, DataFolder};
use crate::vision::decode::decode_file;
use crate::vision::open::{self, Listing, OpenOptions};
use crate::vision::progress::{Progress, Tally};

/// Checks all files of a data set.
///
/// A data set without class folders comes as a `listing`, and its folders are not checked.
fn check(folder: &DataFolder, listing: Option<Listing>, progress: Progress<'_>) -> DataCheck {
    let (survey, mut problems) = match listing {
        Some(listing) => (Survey::from_listing(listing), Vec::new()),
        None => Survey::of(folder),
    };
    let items = survey.items();
    let tally = Tally::new(items.len(), progress);
    let digests: Vec<Result<ImageDigest, String>> = items
        .par_iter()
        .map(|item| {
            let digest = digest(item.file);
            tally.one_more();
            digest
        })
        .collect();

    let broken = items.iter().zip(&digests).filter_map(|(item, digest)| {
        let reason = digest.as_ref().err()?.clone();
        Some(Problem::BrokenFile { file: item.file.to_string(), reason })
    });
    problems.extend(broken);
    let decoded: Vec<(&SurveyedFile<'_>, &ImageDigest)> = items
        .iter()
        .zip(&digests)
        .filter_map(|(item, digest)| Some((item, digest.as_ref().ok()?)))
        .collect();
    let formats = formats(&decoded);
    problems.extend(format_problems(&decoded, &formats, &survey));
    problems.extend(same_images(&decoded, &survey));

    let mut check = DataCheck {
        place: survey.place.clone(),
        images: items.len(),
        classes: survey.counts(),
        parts: survey.parts.iter().map(|&part| part.to_owned()).collect(),
        formats,
        findings: Vec::new(),
    };
    problems.extend(check.class_problems());
    check.findings = problems.into_iter().map(Finding::from).collect();
    check.findings.sort_by_key(|finding| finding.severity);
    check
}

/// Counts the images of each size and number of channels, the most frequent first.
fn formats(decoded: &[(&SurveyedFile<'_>, &ImageDigest)]) -> Vec<FormatCount> {
    let mut counts: BTreeMap<[usize; 3], (usize, &SurveyedFile<'_>)> = BTreeMap::new();
    for (item, digest) in decoded {
        counts.entry(digest.shape).or_insert((0, item)).0 += 1;
    }
    let counts = counts.into_iter().map(|([channels, height, width], (images, item))| {
        let example = item.file.to_string();
        FormatCount { width, height, channels, images, example }
    });
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by_key(|count| Reverse(count.images));
    counts
}

fn format_problems(
    decoded: &[(&SurveyedFile<'_>, &ImageDigest)],
    formats: &[FormatCount],
    survey: &Survey,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut sizes: Vec<_> = formats.iter().map(|format| (format.width, format.height)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.len() > 1 {
        problems.push(Problem::SizesDiffer { sizes: sizes.len() });
    }
    let in_colour = |part: usize| {
        decoded.iter().any(|(item, digest)| item.part == part && digest.shape[0] == 3)
    };
    let has_images = |part: usize| decoded.iter().any(|(item, _)| item.part == part);
    let grey =
        formats.iter().filter(|format| format.channels == 1).map(|format| format.images).sum();
    let colour = decoded.len() - grey;
    match survey.parts[..] {
        [one, other] if has_images(0) && has_images(1) && in_colour(0) != in_colour(1) => {
            let (colour, grey) = if in_colour(0) { (one, other) } else { (other, one) };
            let (colour, grey) = (colour.to_owned(), grey.to_owned());
            problems.push(Problem::ChannelsDiffer { grey, colour });
        }
        _ if grey > 0 && colour > 0 => problems.push(Problem::ChannelsMixed { grey, colour }),
        _ => {}
    }
    problems
}

impl OpenOptions {
    /// Checks all files of a folder or archive, on all threads, and returns all problems of the
    /// data set. [`open`](Self::open) stops at the first one.
    ///
    /// `progress` is called now and then, from any thread, with the number of files done and the
    /// total.
    ///
    /// ```
    /// let check = fastburn::vision::OpenOptions::new().check("assets/digits.tgz", &|_, _| {})?;
    /// assert!(check.is_fit());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Data`](crate::Error::Data) if the folder does not exist or the archive is
    /// damaged, [`Error::Read`](crate::Error::Read) if the operating system refuses to read it.
    pub fn check(
        &self,
        path: impl AsRef<Path>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<DataCheck> {
        let folder = DataFolder::open(path.as_ref(), &self.limits)?;
        let listing = match &self.labels {
            Some(table) => Some(open::list_by_table(table, &folder)?),
            None => open::without_class_folders(&folder)?,
        };
        Ok(check(&folder, listing, progress))
    }
}

/// The shape and fingerprint of an image.
pub(super) struct ImageDigest {
    /// `[channels, height, width]`.
    pub shape: [usize; 3],
    /// A hash. Among a million different images, two share it with a probability of 10⁻²⁷.
    pub fingerprint: u128,
}

/// Decodes a file, or returns why it cannot.
pub(super) fn digest(file: &DataFile) -> Result<ImageDigest, String> {
    let bytes = file.read().map_err(|error| place_and_reason(error).1)?;
    let picture = decode_file(file, &bytes).map_err(|error| place_and_reason(error).1)?;
    let shape = picture.shape();
    Ok(ImageDigest { shape, fingerprint: fingerprint(shape, &picture.into_planes()) })
}

/// Hashes the shape and the pixels to 128 bits.
fn fingerprint(shape: [usize; 3], pixels: &[u8]) -> u128 {
    let half = |which: usize| {
        let mut hasher = DefaultHasher::new();
        hasher.write_usize(which);
        shape.iter().for_each(|&side| hasher.write_usize(side));
        hasher.write(pixels);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Finds the groups of equal images, in the order of their first files.
fn same_images(decoded: &[(&SurveyedFile<'_>, &ImageDigest)], survey: &Survey) -> Vec<Problem> {
    let mut order: Vec<usize> = (0..decoded.len()).collect();
    order.sort_unstable_by_key(|&index| (decoded[index].1.fingerprint, index));
    let equal = |a: &usize, b: &usize| decoded[*a].1.fingerprint == decoded[*b].1.fingerprint;
    let mut groups: Vec<&[usize]> = order.chunk_by(equal).filter(|group| group.len() > 1).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    let problem = |group: &[usize]| {
        let items: Vec<&SurveyedFile<'_>> = group.iter().map(|&index| decoded[index].0).collect();
        let parts: BTreeSet<usize> = items.iter().map(|item| item.part).collect();
        let classes: BTreeSet<usize> = items.iter().map(|item| item.class).collect();
        Problem::SameImage {
            files: items.iter().map(|item| item.file.to_string()).collect(),
            parts: parts.into_iter().map(|part| survey.parts[part].to_owned()).collect(),
            classes: classes.into_iter().map(|class| survey.classes[class].name.clone()).collect(),
        }
    };
    groups.into_iter().map(problem).collect()
}
