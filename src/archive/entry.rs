//! One entry of an archive, and the rules of its name.

use std::io::{self, Read};

use super::limits::Excess;
use crate::error::{Error, Remedy, Result};
use crate::files::is_hidden;

/// The most bytes of a whole path; the least that a system of today allows.
const LONGEST_PATH: usize = 1024;
/// The most bytes of a part of it.
const LONGEST_PART: usize = 255;
/// The most parts.
const DEEPEST: usize = 64;
/// The most characters of a name in a message.
const SHOWN: usize = 120;

/// A regular file of an archive.
pub(crate) struct Entry<'a> {
    /// The archive, as messages name it.
    pub(super) archive: &'a str,
    /// The parts of its path: none is empty, `.` or `..`.
    pub path: Vec<String>,
    /// What is in it.
    pub content: &'a mut dyn Read,
}

/// What is done with each file.
pub(crate) type Visit<'a> = dyn FnMut(Entry<'_>) -> Result<()> + 'a;

impl Entry<'_> {
    /// Whether it is no part of the data, such as `.DS_Store` and what is in `__MACOSX`.
    pub fn is_hidden(&self) -> bool {
        self.path.iter().any(is_hidden)
    }

    /// What a failed read of its content means.
    pub fn unreadable(&self, error: &io::Error) -> Error {
        trouble(self.archive, &self.path.join("/"), error)
    }
}

/// The parts of the path that an entry's name is, or what is wrong with it.
///
/// An empty part and `.` say nothing and are left out; a name of these alone is the archive's top.
pub(super) fn parts(name: &[u8]) -> Result<Vec<String>, &'static str> {
    if name.contains(&0) {
        return Err("its name has a NUL");
    }
    let Ok(name) = std::str::from_utf8(name) else { return Err("its name is not UTF-8") };
    if name.starts_with('/') {
        return Err("its path is absolute");
    }
    // Both lead elsewhere on Windows.
    if name.contains('\\') {
        return Err("its name has a backslash");
    }
    let bytes = name.as_bytes();
    if bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return Err("its path begins with a drive letter");
    }
    // There a colon within a name leads into a file's other streams.
    if cfg!(windows) && name.contains(':') {
        return Err("its name has a colon");
    }
    if name.len() > LONGEST_PATH {
        return Err("its path is longer than 1024 bytes");
    }
    let parts: Vec<_> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err("its path leads outside, by ..");
    }
    if parts.iter().any(|part| part.len() > LONGEST_PART) {
        return Err("its name is longer than 255 bytes");
    }
    if parts.len() > DEEPEST {
        return Err("it lies more than 64 folders deep");
    }
    Ok(parts.into_iter().map(str::to_owned).collect())
}

/// A name as a message has it: on one line, not too long, and whatever bytes it is of.
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

/// What a failed read of an archive means: too much of it, or a damage.
pub(super) fn trouble(archive: &str, entry: &str, error: &io::Error) -> Error {
    let excess = error.get_ref().and_then(|error| error.downcast_ref::<Excess>());
    let place = match entry {
        "" => String::new(),
        entry => format!(" at its entry {entry}"),
    };
    match excess {
        Some(excess) => Error::data(archive, format!("refused{place}: {excess}"))
            .with_remedy(Remedy::RaiseArchiveLimit(excess.limit)),
        None => Error::data(archive, format!("damaged archive{place} ({error})"))
            .with_remedy(Remedy::DownloadAgain),
    }
}
