//! Visits the files of an archive in any format.

use std::fs;
use std::io::{self, BufRead, Seek};
use std::path::Path;

use super::entry::Visit;
use super::guard::Guard;
use super::limits::ArchiveLimits;
use super::{tar, zip};
use crate::error::{Error, Result};

/// Visits every file of an archive on disk.
///
/// # Errors
///
/// [`Error::Data`] if the file is not an archive or is refused, [`Error::Read`] if it cannot be
/// read, and the errors of `each`.
pub(crate) fn walk(path: &Path, limits: &ArchiveLimits, each: &mut Visit<'_>) -> Result<()> {
    let name = path.display().to_string();
    // Opening a pipe may block forever.
    if !fs::metadata(path).map_err(Error::read(path))?.is_file() {
        return Err(no_archive(&name));
    }
    let file = fs::File::open(path).map_err(Error::read(path))?;
    walk_in(&name, io::BufReader::new(file), limits, each)
}

/// Visits every file of an archive in memory; `name` stands for the archive in messages.
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
    let beginning = beginning.map_err(|error| guard.read_error(&error))?;
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
    Error::data(name, "not an archive, expected a folder or a .tgz, .tar or .zip archive")
}
