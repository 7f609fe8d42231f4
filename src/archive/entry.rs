//! Archive entries, and the rules for their names.

use std::io::{self, Read};

use super::limits::Excess;
use crate::error::{Error, Remedy, Result};
use crate::files::is_hidden;

/// The maximum length of a path in bytes: the smallest limit of today's systems.
const LONGEST_PATH: usize = 1024;
/// The maximum length of each part of a path in bytes.
const LONGEST_PART: usize = 255;
/// The maximum number of parts of a path.
const DEEPEST: usize = 64;
/// The maximum length of a name in a message, in characters.
const SHOWN: usize = 120;

/// A regular file in an archive.
pub(crate) struct Entry<'a> {
    /// The archive's name in messages.
    pub(super) archive: &'a str,
    /// The parts of the path: none is empty, `.` or `..`.
    pub path: Vec<String>,
    /// The content of the file.
    pub content: &'a mut dyn Read,
}

/// A function to call with each file.
pub(crate) type Visit<'a> = dyn FnMut(Entry<'_>) -> Result<()> + 'a;

impl Entry<'_> {
    /// Returns whether the file is not part of the data, such as `.DS_Store` or one in `__MACOSX`.
    pub fn is_hidden(&self) -> bool {
        self.path.iter().any(is_hidden)
    }

    /// Returns the error for a failed read of the content.
    pub fn unreadable(&self, error: &io::Error) -> Error {
        read_error(self.archive, &self.path.join("/"), error)
    }
}

/// Splits an entry's name into the parts of its path, or returns what is wrong with it.
///
/// Empty parts and `.` are left out. A name of only these is the root of the archive.
pub(super) fn parts(name: &[u8]) -> Result<Vec<String>, &'static str> {
    if name.contains(&0) {
        return Err("its name contains a NUL character");
    }
    let Ok(name) = std::str::from_utf8(name) else { return Err("its name is not UTF-8") };
    if name.starts_with('/') {
        return Err("its path is absolute");
    }
    // On Windows, a backslash separates folders, and a drive letter makes a path absolute.
    if name.contains('\\') {
        return Err("its name contains a backslash");
    }
    let bytes = name.as_bytes();
    if bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return Err("its path begins with a drive letter");
    }
    // On Windows, a colon within a name selects an alternate data stream of the file.
    if cfg!(windows) && name.contains(':') {
        return Err("its name contains a colon");
    }
    if name.len() > LONGEST_PATH {
        return Err("its path is longer than 1024 bytes");
    }
    let parts: Vec<_> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err("its path contains .., which may lead outside");
    }
    if parts.iter().any(|part| part.len() > LONGEST_PART) {
        return Err("a part of its path is longer than 255 bytes");
    }
    if parts.len() > DEEPEST {
        return Err("its path has more than 64 parts");
    }
    Ok(parts.into_iter().map(str::to_owned).collect())
}

/// Formats a name for a message: on one line, shortened if it is long, escaped if it is not UTF-8.
pub(super) fn shown(name: &[u8]) -> String {
    let text = match std::str::from_utf8(name) {
        Ok(name) => {
            let escaped = name.chars().flat_map(|c| {
                let (plain, control) =
                    if c.is_control() { (None, Some(c)) } else { (Some(c), None) };
                plain.into_iter().chain(control.into_iter().flat_map(char::escape_default))
            });
            escaped.take(SHOWN + 1).collect()
        }
        Err(_) => name.escape_ascii().take(SHOWN + 1).map(char::from).collect::<String>(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Returns the error for a failed read of an archive: an exceeded limit, or damage.
pub(super) fn read_error(archive: &str, entry: &str, error: &io::Error) -> Error {
    let excess = error.get_ref().and_then(|error| error.downcast_ref::<Excess>());
    let place = match entry {
        "" => String::new(),
        entry => format!(" at entry {entry}"),
    };
    match excess {
        Some(excess) => Error::data(archive, format!("refused{place}: {excess}"))
            .with_remedy(Remedy::RaiseArchiveLimit(excess.limit)),
        None => Error::data(archive, format!("damaged archive{place} ({error})"))
            .with_remedy(Remedy::DownloadAgain),
    }
}
