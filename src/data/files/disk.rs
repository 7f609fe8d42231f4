//! What is in a folder on disk.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// The names in a folder on disk that do not start with a dot and are of the wanted kind;
/// links are followed.
pub(super) fn visible(folder: &Path, wanted: fn(&fs::FileType) -> bool) -> Result<Vec<String>> {
    let failed = Error::read;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let name = entry.file_name().into_string().map_err(|name| {
            Error::layout(folder.join(name).display(), "a name that is not UTF-8; rename it")
        })?;
        if name.starts_with('.') {
            continue;
        }
        // The folder itself tells what a plain entry is; only a link costs a look at its target.
        let mut kind = entry.file_type().map_err(failed(&entry.path()))?;
        if kind.is_symlink() {
            let path = entry.path();
            kind = fs::metadata(&path).map_err(failed(&path))?.file_type();
        }
        if wanted(&kind) {
            names.push(name);
        }
    }
    Ok(names)
}
