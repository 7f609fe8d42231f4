//! What is wrong with a data set: all of it, not only the first error.
//!
//! [`survey`] lists the parts and classes, the code here decodes each file and finds the images that
//! are there more than once; [`record`] and [`problem`] hold what was found.

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
use crate::vision::decode::decode_file;
use crate::vision::open::{self, Listing, OpenOptions};
use crate::vision::progress::{Progress, Tally};
use crate::vision::tree::{DataFile, DataFolder};

/// Looks at all files of a data set.
///
/// One without class folders comes as a `listing`; of others more can be told.
fn check(folder: &DataFolder, listing: Option<Listing>, progress: Progress<'_>) -> DataCheck {
    let (survey, mut problems) = match listing {
        Some(listing) => (Survey::listed(listing), Vec::new()),
        None => Survey::of(folder),
    };
    let items = survey.items();
    let tally = Tally::new(items.len(), progress);
    let looks: Vec<Result<ImageDigest, String>> = items
        .par_iter()
        .map(|item| {
            let look = look(item.file);
            tally.one_more();
            look
        })
        .collect();

    let broken = items.iter().zip(&looks).filter_map(|(item, look)| {
        let reason = look.as_ref().err()?.clone();
        Some(Problem::BrokenFile { file: item.file.to_string(), reason })
    });
    problems.extend(broken);
    let seen: Vec<(&SurveyedFile<'_>, &ImageDigest)> = items
        .iter()
        .zip(&looks)
        .filter_map(|(item, look)| Some((item, look.as_ref().ok()?)))
        .collect();
    let formats = formats(&seen);
    problems.extend(format_problems(&seen, &formats, &survey));
    problems.extend(same_images(&seen, &survey));

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

/// The sizes and channels that there are, the most frequent first.
fn formats(seen: &[(&SurveyedFile<'_>, &ImageDigest)]) -> Vec<FormatCount> {
    let mut counts: BTreeMap<[usize; 3], (usize, &SurveyedFile<'_>)> = BTreeMap::new();
    for (item, look) in seen {
        counts.entry(look.shape).or_insert((0, item)).0 += 1;
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
    seen: &[(&SurveyedFile<'_>, &ImageDigest)],
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
    let in_colour =
        |part: usize| seen.iter().any(|(item, look)| item.part == part && look.shape[0] == 3);
    let has_images = |part: usize| seen.iter().any(|(item, _)| item.part == part);
    let grey =
        formats.iter().filter(|format| format.channels == 1).map(|format| format.images).sum();
    let colour = seen.len() - grey;
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
    /// Looks at every file of a folder or archive, on all threads, and says what is wrong with the
    /// data set: all of it, where [`open`](Self::open) stops at the first trouble.
    ///
    /// `progress` is told, now and then and from any thread, how many files are done, of how many.
    ///
    /// ```
    /// let check = fastburn::vision::OpenOptions::new().check("assets/digits.tgz", &|_, _| {})?;
    /// assert!(check.is_fit());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Data`](crate::Error::Data) if there is no such folder, or the archive is
    /// damaged; [`Error::Read`](crate::Error::Read) if the operating system refuses to read it.
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

/// What is kept of an image.
pub(super) struct ImageDigest {
    /// `[channels, height, width]`.
    pub shape: [usize; 3],
    /// What another image has by chance once in 10²⁷ sets of a million.
    pub fingerprint: u128,
}

/// Decodes a file, or says why that cannot be done.
pub(super) fn look(file: &DataFile) -> Result<ImageDigest, String> {
    let bytes = file.read().map_err(|error| place_and_reason(error).1)?;
    let picture = decode_file(file, &bytes).map_err(|error| place_and_reason(error).1)?;
    let shape = picture.shape();
    Ok(ImageDigest { shape, fingerprint: fingerprint(shape, &picture.into_planes()) })
}

/// Shape and pixels in 128 bits.
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

/// The groups of equal images, in the order of their first files.
fn same_images(seen: &[(&SurveyedFile<'_>, &ImageDigest)], survey: &Survey) -> Vec<Problem> {
    let mut order: Vec<usize> = (0..seen.len()).collect();
    order.sort_unstable_by_key(|&index| (seen[index].1.fingerprint, index));
    let equal = |a: &usize, b: &usize| seen[*a].1.fingerprint == seen[*b].1.fingerprint;
    let mut groups: Vec<&[usize]> = order.chunk_by(equal).filter(|group| group.len() > 1).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    let problem = |group: &[usize]| {
        let items: Vec<&SurveyedFile<'_>> = group.iter().map(|&index| seen[index].0).collect();
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
