//! Where in a folder or archive the classes are.

use super::files::{Folder, Found};
use super::parts;
use crate::error::{Error, Result};

/// What a folder or archive is.
#[derive(Debug)]
pub(super) struct Layout {
    /// The folder that has the parts, or the classes.
    pub top: Folder,
    /// What lies directly in it.
    pub level: Found,
    pub parts: Parts,
}

#[derive(Debug)]
pub(super) enum Parts {
    /// A training and a validation part.
    Two { train: Folder, valid: Folder },
    /// One part, whose other is missing.
    Half { there: Folder, problem: Error },
    /// The classes themselves.
    Whole,
}

impl Layout {
    /// Finds the parts, going into a folder that has everything else in it.
    pub fn find(folder: &Folder) -> Self {
        let (top, level) = unwrapped(folder);
        let names = &level.folders;
        let parts = if let Some((train, valid)) = parts::pair(names) {
            Parts::Two { train: top.folder(train), valid: top.folder(valid) }
        // `train` beside `car` and `plane` is a class; `train` alone is half of a data set.
        } else if let Some((there, missing)) = parts::half(names)
            && names.iter().all(|name| parts::is_part(name))
        {
            let problem = format!("a folder {there} without a folder {missing} beside it");
            Parts::Half { there: top.folder(there), problem: Error::layout(&top, problem) }
        } else {
            Parts::Whole
        };
        Self { top, level, parts }
    }

    /// As [`find`](Self::find), without anything that is refused.
    pub fn of(folder: &Folder) -> Result<Self> {
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
/// A folder is gone into if nothing but notes is beside it, and nothing but notes and folders is
/// in it: with images of its own it is a class.
fn unwrapped(folder: &Folder) -> (Folder, Found) {
    let only_notes = |found: &Found| found.files.iter().all(|file| file.is_note());
    let (mut folder, mut level) = (folder.clone(), folder.level());
    while let [name] = &level.folders[..]
        && only_notes(&level)
        && level.refused.is_empty()
        && !parts::is_part(name)
    {
        let inner = folder.folder(name);
        let within = inner.level();
        if within.folders.is_empty() || !only_notes(&within) {
            break;
        }
        (folder, level) = (inner, within);
    }
    (folder, level)
}
