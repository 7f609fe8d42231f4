//! What is wrong with a data set: all of it, not the first trouble alone.
//!
//! [`survey`] lists the parts and classes, [`look`] decodes a file, [`same_images`] finds what is
//! there twice; [`record`] and [`trouble`] hold what was found.

mod look;
mod record;
mod same_images;
mod survey;
mod trouble;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rayon::prelude::*;

use self::look::{Look, look};
pub use self::record::{ClassCount, DataCheck, FormatCount};
use self::survey::{Item, Survey};
pub use self::trouble::{Finding, Flag, Severity, Trouble};
use super::files::Folder;
use super::listing::Listing;
use super::tally::{Progress, Tally};

/// Looks at all files of a data set.
///
/// One without class folders comes as a `listing`; of others more can be told.
pub(super) fn check(
    folder: &Folder,
    listing: Option<Listing>,
    progress: Progress<'_>,
) -> DataCheck {
    let (survey, mut troubles) = match listing {
        Some(listing) => (Survey::listed(listing), Vec::new()),
        None => Survey::of(folder),
    };
    let items = survey.items();
    let tally = Tally::new(items.len(), progress);
    let looks: Vec<Result<Look, String>> = items
        .par_iter()
        .map(|item| {
            let look = look(item.file);
            tally.one_more();
            look
        })
        .collect();

    let broken = items.iter().zip(&looks).filter_map(|(item, look)| {
        let reason = look.as_ref().err()?.clone();
        Some(Trouble::BrokenFile { file: item.file.to_string(), reason })
    });
    troubles.extend(broken);
    let seen: Vec<(&Item<'_>, &Look)> = items
        .iter()
        .zip(&looks)
        .filter_map(|(item, look)| Some((item, look.as_ref().ok()?)))
        .collect();
    let formats = formats(&seen);
    troubles.extend(format_troubles(&seen, &formats, &survey));
    troubles.extend(same_images::find(&seen, &survey));

    let mut check = DataCheck {
        place: survey.place.clone(),
        images: items.len(),
        classes: survey.counts(),
        parts: survey.parts.iter().map(|&part| part.to_owned()).collect(),
        formats,
        findings: Vec::new(),
    };
    troubles.extend(check.class_troubles());
    check.findings = troubles.into_iter().map(Finding::from).collect();
    check.findings.sort_by_key(|finding| finding.severity);
    check
}

/// The sizes and channels that there are, the most frequent first.
fn formats(seen: &[(&Item<'_>, &Look)]) -> Vec<FormatCount> {
    let mut counts: BTreeMap<[usize; 3], (usize, &Item<'_>)> = BTreeMap::new();
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

fn format_troubles(
    seen: &[(&Item<'_>, &Look)],
    formats: &[FormatCount],
    survey: &Survey,
) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut sizes: Vec<_> = formats.iter().map(|format| (format.width, format.height)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.len() > 1 {
        troubles.push(Trouble::SizesDiffer { sizes: sizes.len() });
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
            troubles.push(Trouble::ChannelsDiffer { grey, colour });
        }
        _ if grey > 0 && colour > 0 => troubles.push(Trouble::ChannelsMixed { grey, colour }),
        _ => {}
    }
    troubles
}
