//! Archives of files, which are hostile until unpacked.

mod unpack;

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Component, Path};

pub use self::unpack::{Unpacked, unpack};
use crate::error::{Error, Result};

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// How many files.
    pub files: u64,
    /// How many bytes, unpacked.
    pub bytes: u64,
    /// How many bytes for each of its own.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { files: 2_000_000, bytes: 8 << 30, ratio: 200 }
    }
}

/// A regular file of an archive.
pub(crate) struct Entry<'a> {
    /// The archive, as messages name it.
    pub archive: &'a str,
    /// The parts of its path: none is empty, `.` or `..`.
    pub path: Vec<String>,
    /// What is in it.
    pub content: &'a mut dyn Read,
}

impl Entry<'_> {
    /// Whether it is a system's note about the data, such as `.DS_Store`.
    pub fn is_hidden(&self) -> bool {
        self.path.iter().any(|part| part.starts_with('.') || part == "__MACOSX")
    }

    /// A problem with its content.
    pub fn unreadable(&self, error: &io::Error) -> Error {
        Error::layout(self, format!("it cannot be read ({error})"))
    }
}

/// What is done with each file.
pub(crate) type Visit<'a> = dyn FnMut(Entry<'_>) -> Result<()> + 'a;

impl std::fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.archive, self.path.join("/"))
    }
}

/// Visits every file of an archive on disk.
pub(crate) fn walk(path: &Path, limits: &ArchiveLimits, each: &mut Visit<'_>) -> Result<()> {
    let file = io::BufReader::new(fs::File::open(path).map_err(Error::read(path))?);
    walk_tar(&path.display().to_string(), file, limits, each)
}

/// As [`walk`], of an archive in memory; `name` stands for it in messages.
pub(crate) fn walk_bytes(
    name: &str,
    bytes: &[u8],
    limits: &ArchiveLimits,
    each: &mut Visit<'_>,
) -> Result<()> {
    walk_tar(name, bytes, limits, each)
}

fn walk_tar(
    name: &str,
    mut bytes: impl BufRead,
    limits: &ArchiveLimits,
    each: &mut Visit<'_>,
) -> Result<()> {
    let damaged = |error: io::Error| {
        Error::layout(name, format!("a damaged archive ({error}); fetch it again"))
    };
    let gzipped = bytes.fill_buf().map_err(damaged)?.starts_with(&[0x1f, 0x8b]);
    let bytes: Box<dyn Read> = match gzipped {
        true => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        false => Box::new(bytes),
    };
    let mut archive = tar::Archive::new(bytes.take(limits.bytes));
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(damaged)?;
        let Some(path) = plain_components(&path) else { continue };
        each(Entry { archive: name, path, content: &mut entry })?;
    }
    // The tar format ends before the gzip stream does, whose checksum stands at its end.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(damaged)?;
    if rest.limit() == 0 {
        let problem = format!("it unpacks to more than {} bytes; unpack it first", limits.bytes);
        return Err(Error::layout(name, problem));
    }
    Ok(())
}

/// A path's parts, or `None` if one is not UTF-8 or leads elsewhere.
fn plain_components(path: &Path) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?.to_owned()),
            _ => return None,
        }
    }
    Some(parts)
}
