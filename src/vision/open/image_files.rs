//! The image files in a folder, by their extension, and counts of the other files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::printable::{list_of, printable, shown};
use crate::vision::data_files::{DataFile, DataFolder};

/// Lists the image files in a folder and its sub-folders, in natural order (`2` before `10`):
/// fastai's `get_image_files`.
///
/// Images are recognised by the same extensions as for an [`ImageFolder`](super::ImageFolder).
///
/// ```
/// let files = fastburn::vision::image_files("examples/embed")?;
/// assert!(files[0].ends_with("seven.png"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Read`] if a folder cannot be listed, [`Error::Data`] if there are no images.
pub fn image_files(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let folder = folder.as_ref();
    let files = DataFolder::Disk(folder.to_path_buf()).tree().whole()?.files;
    let path = |file: DataFile| match file {
        DataFile::Disk(file) => Some(file.path()),
        DataFile::Archive { .. } | DataFile::Raw { .. } => None,
    };
    let mut files: Vec<_> = files.into_iter().filter(DataFile::is_image).filter_map(path).collect();
    if files.is_empty() {
        return Err(Error::data(shown(folder), "no images in this folder or its sub-folders"));
    }
    files.sort_by(|a, b| {
        natord::compare(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b))
    });
    Ok(files)
}

/// The most extensions that a message names.
const MOST_NAMED: usize = 10;

/// The number of files with each extension, in lower case, empty for none.
pub(in crate::vision) type Extensions = BTreeMap<String, usize>;

/// Displays counts of files that are not images, such as `12 .txt, 3 .wav`.
pub(in crate::vision) struct IgnoredFiles<'a>(pub &'a Extensions);

/// Splits files into images and counts of the others.
pub(in crate::vision) fn images_among(mut files: Vec<DataFile>) -> (Vec<DataFile>, Extensions) {
    let mut extensions = Extensions::new();
    files.retain(|file| {
        let is_image = file.is_image();
        if !is_image {
            *extensions.entry(file.extension()).or_default() += 1;
        }
        is_image
    });
    (files, extensions)
}

/// Adds the counts of `others` to `extensions`.
pub(in crate::vision) fn add(extensions: &mut Extensions, others: &Extensions) {
    for (extension, count) in others {
        *extensions.entry(extension.clone()).or_default() += count;
    }
}

impl std::fmt::Display for IgnoredFiles<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = self.0.iter().map(|(extension, count)| match extension.as_str() {
            "" => format!("{count} without extension"),
            extension => format!("{count} .{}", printable(extension)),
        });
        f.write_str(&list_of(MOST_NAMED, named))
    }
}
