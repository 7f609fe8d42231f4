//! Names that are no part of the data.

use std::ffi::OsStr;

/// What operating systems leave in folders, beside what begins with a dot.
const LEFT_BEHIND: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];

/// Whether a file or a folder of that name is passed over, on disk as in an archive.
pub(crate) fn is_hidden(name: impl AsRef<OsStr>) -> bool {
    let name = name.as_ref();
    name.as_encoded_bytes().starts_with(b".") || LEFT_BEHIND.iter().any(|left| name == *left)
}
