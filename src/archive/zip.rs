//! Zip archives.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::entry::{Entry, Visit, parts};
use super::guard::Guard;
use super::limits::{CompressedReader, MeteredReader, WholeReader};
use crate::error::Result;

/// The file type bits of a Unix mode, and their values.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Visits the files of a zip archive.
///
/// Its central directory is checked as a whole before any content is read.
pub(super) fn walk(
    archive: impl Read + Seek,
    guard: &mut Guard<'_>,
    each: &mut Visit<'_>,
) -> Result<()> {
    let packed = CompressedReader { inner: archive, meter: guard.meter.clone() };
    // No data precedes the archive, which was recognised by its first bytes.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let zip = ZipArchive::with_config(config, packed);
    let mut zip = zip.map_err(|error| guard.read_error(&io(error)))?;
    if zip.has_duplicate_names() {
        let name = repeated(zip).map_err(|error| guard.read_error(&error))?;
        return Err(guard.refusal(&name, "another entry has the same name"));
    }
    check(&mut zip, guard)?;
    for index in 0..zip.len() {
        let listed = zip.by_index_data(index).map_err(|error| guard.read_error(&io(error)))?;
        let (name, size) = (listed.name_raw().to_vec(), listed.size());
        guard.at(&name);
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let entry = zip.by_index_with_options(index, options);
        let mut entry = entry.map_err(|error| guard.read_error(&io(error)))?;
        let path = parts(&name).map_err(|why| guard.refusal(&name, why))?;
        let mut metered = MeteredReader::new(&mut entry, guard.meter.clone());
        let mut content = WholeReader { inner: &mut metered, left: size };
        if !is_folder(&name) {
            each(Entry { archive: guard.archive, path, content: &mut content })?;
        }
        // The checksum is verified only after the last byte.
        io::copy(&mut content, &mut io::sink()).map_err(|error| guard.read_error(&error))?;
    }
    Ok(())
}

/// Checks that all entries pass the guard, and that no two of them share bytes.
fn check<R: Read + Seek>(zip: &mut ZipArchive<R>, guard: &mut Guard<'_>) -> Result<()> {
    let mut extents = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|error| guard.read_error(&io(error)))?;
        let (name, size) = (entry.name_raw(), entry.size());
        if is_folder(name) {
            guard.folder(name, size)?;
        } else {
            drop(guard.file(name, size)?);
        }
        if let Some(why) = unwanted(&entry) {
            return Err(guard.refusal(name, why));
        }
        let start = entry.data_start().unwrap_or_default();
        extents.push((entry.header_start(), start.saturating_add(entry.compressed_size()), index));
    }
    extents.sort_unstable();
    for pair in extents.windows(2) {
        let [(_, end, _), (start, _, index)] = pair else { continue };
        if start < end {
            let name = zip.by_index_raw(*index).map(|entry| entry.name_raw().to_vec());
            return Err(guard.refusal(&name.unwrap_or_default(), "it overlaps another entry"));
        }
    }
    Ok(())
}

fn is_folder(name: &[u8]) -> bool {
    name.ends_with(b"/")
}

fn unwanted<R: Read>(entry: &ZipFile<'_, R>) -> Option<String> {
    let kind = entry.unix_mode().unwrap_or_default() & KIND;
    let why = match (kind, entry.compression()) {
        _ if entry.encrypted() => "it is encrypted; unpack the archive first",
        (LINK, _) => "it is a symbolic link",
        (0 | FILE | FOLDER, CompressionMethod::Stored | CompressionMethod::Deflated) => {
            return None;
        }
        (0 | FILE | FOLDER, method) => {
            return Some(format!("its compression ({method}) is not supported; use deflate"));
        }
        _ => "it is a device or a pipe",
    };
    Some(why.to_owned())
}

/// Returns the first duplicate name in the directory; the `zip` crate keeps the last entry of each.
fn repeated<R: Read + Seek>(zip: ZipArchive<R>) -> io::Result<Vec<u8>> {
    let start = zip.central_directory_start();
    let mut reader = zip.into_inner();
    reader.seek(SeekFrom::Start(start))?;
    let mut names = HashSet::new();
    loop {
        let mut header = [0; 46];
        reader.read_exact(&mut header)?;
        let length = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let mut name = vec![0; length(28).into()];
        reader.read_exact(&mut name)?;
        reader.seek(SeekFrom::Current(i64::from(length(30)) + i64::from(length(32))))?;
        if !names.insert(name.clone()) {
            return Ok(name);
        }
    }
}

fn io(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
