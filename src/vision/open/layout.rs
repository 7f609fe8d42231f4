//! Where in a folder or archive the classes are.

#[cfg(feature = "download")]
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::vision::tree::{Contents, DataFile, DataFolder};

/// The names by which data sets call their two parts, in any case.
const TRAINING: [&str; 2] = ["train", "training"];
/// Where there are several, the first of them is used.
const VALIDATION: [&str; 5] = ["valid", "val", "validation", "test", "testing"];

/// What a folder or archive is.
#[derive(Debug)]
pub(in crate::vision) struct Layout {
    /// The folder that has the parts, or the classes.
    pub top: DataFolder,
    /// What lies directly in it.
    pub level: Contents,
    pub parts: Parts,
}

#[derive(Debug)]
pub(in crate::vision) enum Parts {
    /// A training and a validation part.
    Two { train: DataFolder, valid: DataFolder },
    /// One part, whose other is missing.
    Half { there: DataFolder, problem: Error },
    /// The classes themselves.
    Whole,
}

impl Layout {
    /// Finds the parts, going into a folder that has everything else in it.
    pub fn find(folder: &DataFolder) -> Self {
        let (top, level) = unwrapped(folder);
        let names = &level.folders;
        let parts = if let Some((train, valid)) = pair(names) {
            Parts::Two { train: top.folder(train), valid: top.folder(valid) }
        // `train` beside `car` and `plane` is a class; `train` alone is half of a data set.
        } else if let Some((there, missing)) = half(names)
            && names.iter().all(|name| is_part(name))
        {
            let problem = format!("a folder {there} without a folder {missing} beside it");
            Parts::Half { there: top.folder(there), problem: Error::data(&top, problem) }
        } else {
            Parts::Whole
        };
        Self { top, level, parts }
    }

    /// As [`find`](Self::find), without anything that is refused.
    pub fn of(folder: &DataFolder) -> Result<Self> {
        let found = Self::find(folder);
        match found.parts {
            Parts::Half { problem, .. } => Err(problem),
            _ => Ok(Self { level: found.level.whole()?, ..found }),
        }
    }
}

/// The folder that has everything else in it, as `mnist_png/` in `mnist_png.tgz`, or the folder
/// itself; and what lies in it.
///
/// A folder is entered if there is no image beside it and none directly in it: one with images of
/// its own is a class.
fn unwrapped(folder: &DataFolder) -> (DataFolder, Contents) {
    let has_images = |found: &Contents| found.files.iter().any(DataFile::is_image);
    let (mut folder, mut level) = (folder.clone(), folder.level());
    while let [name] = &level.folders[..]
        && !has_images(&level)
        && level.refused.is_empty()
        && !is_part(name)
    {
        let inner = folder.folder(name);
        let within = inner.level();
        if within.folders.is_empty() || has_images(&within) {
            break;
        }
        (folder, level) = (inner, within);
    }
    (folder, level)
}

#[cfg(feature = "download")]
/// Returns the folder on disk that has everything else in it, or the folder itself.
pub(crate) fn unwrapped_path(folder: &Path) -> PathBuf {
    match unwrapped(&DataFolder::Disk(folder.to_path_buf())).0 {
        DataFolder::Disk(top) => top,
        DataFolder::Archive { .. } => folder.to_path_buf(),
    }
}

/// Whether a folder of that name is a part rather than a class.
fn is_part(name: &str) -> bool {
    TRAINING.iter().chain(&VALIDATION).any(|part| part.eq_ignore_ascii_case(name))
}

/// The training and the validation part among these names.
pub(in crate::vision) fn pair(names: &[String]) -> Option<(&String, &String)> {
    Some((first(&TRAINING, names)?, first(&VALIDATION, names)?))
}

/// A part that lacks its other, and what that would be called.
fn half(names: &[String]) -> Option<(&String, &'static str)> {
    let is_long = |name: &str| name.to_ascii_lowercase().ends_with("ing");
    let other = |name: &str, long, short| if is_long(name) { long } else { short };
    match (first(&TRAINING, names), first(&VALIDATION, names)) {
        (Some(there), None) => Some((there, other(there, "testing", "valid"))),
        (None, Some(there)) => Some((there, other(there, "training", "train"))),
        _ => None,
    }
}

fn first<'a>(parts: &[&str], names: &'a [String]) -> Option<&'a String> {
    parts.iter().find_map(|part| names.iter().find(|name| part.eq_ignore_ascii_case(name)))
}
