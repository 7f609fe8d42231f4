//! Archives of files, which are hostile until unpacked.
//!
//! A `.tgz`, `.tar` or `.zip` is known by its first bytes, not by its name. The first entry that is
//! not a plain file or folder under a plain relative path refuses the whole archive by name; so
//! does what is damaged or cut short, and what grows beyond the [limits](ArchiveLimits). Nothing is
//! allocated by what a header claims.

mod ahead;
mod entry_path;
mod guard;
mod limits;
mod places;
mod tar;
mod unpack;
mod whole;
mod zip;

use std::fs;
use std::io::{self, BufRead, Read, Seek};
use std::path::Path;

use self::guard::{Guard, trouble};
pub use self::limits::ArchiveLimits;
pub use self::unpack::{Unpacked, unpack};
use crate::error::{Error, Result};
use crate::hidden::is_hidden;

/// A regular file of an archive.
pub(crate) struct Entry<'a> {
    /// The archive, as messages name it.
    archive: &'a str,
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

/// Visits every file of an archive on disk.
///
/// # Errors
///
/// [`Error::Layout`] for what is no archive or is refused, [`Error::Read`] if it cannot be read,
/// and what `each` fails with.
pub(crate) fn walk(path: &Path, limits: &ArchiveLimits, each: &mut Visit<'_>) -> Result<()> {
    let name = path.display().to_string();
    // To open a pipe may take forever.
    if !fs::metadata(path).map_err(Error::read(path))?.is_file() {
        return Err(no_archive(&name));
    }
    let file = fs::File::open(path).map_err(Error::read(path))?;
    walk_in(&name, io::BufReader::new(file), limits, each)
}

/// As [`walk`], of an archive in memory; `name` stands for it in messages.
pub(crate) fn walk_bytes(
    name: &str,
    bytes: &[u8],
    limits: &ArchiveLimits,
    each: &mut Visit<'_>,
) -> Result<()> {
    walk_in(name, io::Cursor::new(bytes), limits, each)
}

fn walk_in(
    name: &str,
    mut archive: impl BufRead + Seek,
    limits: &ArchiveLimits,
    each: &mut Visit<'_>,
) -> Result<()> {
    let mut guard = Guard::new(name, *limits);
    let beginning = tar::beginning(&mut archive).and_then(|beginning| {
        archive.rewind()?;
        Ok(beginning)
    });
    let beginning = beginning.map_err(|error| guard.trouble(&error))?;
    let starts_with = |magic: &[u8]| beginning.starts_with(magic);
    if starts_with(&[0x1f, 0x8b]) {
        tar::walk_gzipped(archive, &mut guard, each)
    } else if starts_with(b"PK\x03\x04") || starts_with(b"PK\x05\x06") {
        zip::walk(archive, &mut guard, each)
    } else if tar::is_tar(&beginning) {
        tar::walk(archive, &mut guard, each)
    } else {
        Err(no_archive(name))
    }
}

fn no_archive(name: &str) -> Error {
    Error::layout(name, "a file where a folder or a .tgz, .tar or .zip archive is expected")
}
