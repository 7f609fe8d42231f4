//! Images that are there twice.

use std::collections::BTreeSet;

use super::look::Look;
use super::survey::{Item, Survey};
use super::trouble::Trouble;

/// The groups of equal images, in the order of their first files.
pub(super) fn find(seen: &[(&Item<'_>, &Look)], survey: &Survey) -> Vec<Trouble> {
    let mut order: Vec<usize> = (0..seen.len()).collect();
    order.sort_unstable_by_key(|&index| (seen[index].1.fingerprint, index));
    let equal = |a: &usize, b: &usize| seen[*a].1.fingerprint == seen[*b].1.fingerprint;
    let mut groups: Vec<&[usize]> = order.chunk_by(equal).filter(|group| group.len() > 1).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    let trouble = |group: &[usize]| {
        let items: Vec<&Item<'_>> = group.iter().map(|&index| seen[index].0).collect();
        let parts: BTreeSet<usize> = items.iter().map(|item| item.part).collect();
        let classes: BTreeSet<usize> = items.iter().map(|item| item.class).collect();
        Trouble::SameImage {
            files: items.iter().map(|item| item.file.to_string()).collect(),
            parts: parts.into_iter().map(|part| survey.parts[part].to_owned()).collect(),
            classes: classes.into_iter().map(|class| survey.classes[class].name.clone()).collect(),
        }
    };
    groups.into_iter().map(trouble).collect()
}
