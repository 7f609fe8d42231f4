//! The layout of a folder or archive: whether it holds parts or classes, and in which folder.

#[cfg(feature = "download")]
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::vision::data_files::{Contents, DataFile, DataFolder};

/// The folder names of a training part, in any case.
const TRAINING: [&str; 2] = ["train", "training"];
/// The folder names of a validation part, in any case. Among several, the first of these is used.
const VALIDATION: [&str; 5] = ["valid", "val", "validation", "test", "testing"];

/// The layout of a folder or archive.
#[derive(Debug)]
pub(in crate::vision) struct Layout {
    /// The folder that contains the parts or the classes.
    pub top: DataFolder,
    /// Its direct contents.
    pub level: Contents,
    pub parts: Parts,
}

#[derive(Debug)]
pub(in crate::vision) enum Parts {
    /// A training and a validation part.
    Two { train: DataFolder, valid: DataFolder },
    /// One part without the other.
    Half { there: DataFolder, problem: Error },
    /// The classes themselves.
    Whole,
}

impl Layout {
    /// Finds the parts, after entering a folder that contains everything.
    pub fn find(folder: &DataFolder) -> Self {
        let (top, level) = unwrapped(folder);
        let names = &level.folders;
        let parts = if let Some((train, valid)) = pair(names) {
            Parts::Two { train: top.folder(train), valid: top.folder(valid) }
        // Beside `car` and `plane`, `train` is a class. On its own, it is half of a data set.
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

    /// Finds the parts, or returns an error if one is missing or an entry is unusable.
    pub fn of(folder: &DataFolder) -> Result<Self> {
        let found = Self::find(folder);
        match found.parts {
            Parts::Half { problem, .. } => Err(problem),
            _ => Ok(Self { level: found.level.whole()?, ..found }),
        }
    }
}

/// Returns the folder that contains everything, such as `mnist_png/` in `mnist_png.tgz`, or the
/// folder itself, with its direct contents.
///
/// A folder is entered only if there are no images beside it or directly in it. With images
/// directly in it, it is a class.
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
/// Returns the folder on disk that contains everything, or the folder itself.
pub(crate) fn unwrapped_path(folder: &Path) -> PathBuf {
    match unwrapped(&DataFolder::Disk(folder.to_path_buf())).0 {
        DataFolder::Disk(top) => top,
        DataFolder::Archive { .. } => folder.to_path_buf(),
    }
}

/// Returns whether a folder called `name` is a part rather than a class.
fn is_part(name: &str) -> bool {
    TRAINING.iter().chain(&VALIDATION).any(|part| part.eq_ignore_ascii_case(name))
}

/// Returns the training and the validation part among these names.
pub(in crate::vision) fn pair(names: &[String]) -> Option<(&String, &String)> {
    Some((first(&TRAINING, names)?, first(&VALIDATION, names)?))
}

/// Returns a part without its counterpart, and the expected name of that.
fn half(names: &[String]) -> Option<(&String, &'static str)> {
    let is_long = |name: &str| name.to_ascii_lowercase().ends_with("ing");
    let other = |name: &str, long, short| if is_long(name) { long } else { short };
    match (first(&TRAINING, names), first(&VALIDATION, names)) {
        (Some(train), None) => Some((train, other(train, "testing", "valid"))),
        (None, Some(valid)) => Some((valid, other(valid, "training", "train"))),
        _ => None,
    }
}

fn first<'a>(parts: &[&str], names: &'a [String]) -> Option<&'a String> {
    parts.iter().find_map(|part| names.iter().find(|name| part.eq_ignore_ascii_case(name)))
}
