//! Tar archives, gzipped or not.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use tar::EntryType;

use super::entry::{Entry, Visit};
use super::extended_header::ExtendedHeader;
use super::guard::Guard;
use super::limits::{CompressedReader, MeteredReader, WholeReader};
use crate::error::{Error, Result};

/// The size of a header in bytes; content is padded to a multiple of it.
const BLOCK: u64 = 512;
/// The maximum size of an extended header in bytes.
const MOST_AHEAD: u64 = 1 << 20;

/// Reads the first block, or as much of it as there is.
pub(super) fn beginning(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    reader.take(BLOCK).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// Returns whether a first block is a tar's, by magic bytes or, in the oldest format, by checksum.
pub(super) fn is_tar(beginning: &[u8]) -> bool {
    if beginning.get(257..262) == Some(b"ustar") {
        return true;
    }
    if beginning.len() as u64 != BLOCK {
        return false;
    }
    // The 8 bytes of the checksum itself count as spaces.
    let spaces = 8 * u32::from(b' ');
    let others = beginning[..148].iter().chain(&beginning[156..]);
    let sum = others.fold(spaces, |sum, &byte| sum + u32::from(byte));
    tar::Header::from_byte_slice(beginning).cksum().is_ok_and(|stored| stored == sum)
}

/// Visits the files of a gzipped tar.
pub(super) fn walk_gzipped(
    archive: impl BufRead,
    guard: &mut Guard<'_>,
    each: &mut Visit<'_>,
) -> Result<()> {
    let packed = CompressedReader { inner: archive, meter: guard.meter.clone() };
    let mut unpacked = MeteredReader::new(MultiGzDecoder::new(packed), guard.meter.clone());
    let beginning = beginning(&mut unpacked).map_err(|error| guard.read_error(&error))?;
    if !is_tar(&beginning) {
        let problem = "gzip file without a tar archive, expected a folder or a .tgz, .tar or .zip \
                       archive";
        return Err(Error::data(guard.archive, problem));
    }
    walk_blocks(io::Cursor::new(beginning), unpacked, guard, each)
}

/// Visits the files of a tar.
pub(super) fn walk(
    archive: impl BufRead,
    guard: &mut Guard<'_>,
    each: &mut Visit<'_>,
) -> Result<()> {
    let packed = CompressedReader { inner: archive, meter: guard.meter.clone() };
    walk_blocks(
        io::Cursor::new(Vec::new()),
        MeteredReader::new(packed, guard.meter.clone()),
        guard,
        each,
    )
}

/// Visits the files. The headers are read raw, one by one: the `tar` crate would load a name of any
/// length into memory, follow sparse maps and skip unknown entries.
fn walk_blocks<R: Read>(
    beginning: io::Cursor<Vec<u8>>,
    rest: MeteredReader<R>,
    guard: &mut Guard<'_>,
    each: &mut Visit<'_>,
) -> Result<()> {
    let mut archive = tar::Archive::new(beginning.chain(rest));
    let mut ahead = ExtendedHeader::default();
    for entry in archive.entries().map_err(|error| guard.read_error(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| guard.read_error(&error))?;
        let (kind, size) = (entry.header().entry_type(), entry.size());
        let header_name = entry.header().path_bytes().into_owned();
        let refusal = |guard: &Guard<'_>, why: &str| Err(guard.refusal(&header_name, why));
        match kind {
            EntryType::GNULongName | EntryType::XHeader | EntryType::XGlobalHeader => {
                if size > MOST_AHEAD {
                    return refusal(guard, "its header is longer than 1 MiB");
                }
                let mut content = Vec::new();
                let mut whole = WholeReader { inner: &mut entry, left: size };
                whole.read_to_end(&mut content).map_err(|error| guard.read_error(&error))?;
                let result = match kind {
                    EntryType::GNULongName => ahead.take_long_name(content),
                    EntryType::XHeader => ahead.take_records(&content),
                    _ => global(&content),
                };
                result.or_else(|why| refusal(guard, why))?;
                continue;
            }
            // The long target of a link; the link itself is refused.
            EntryType::GNULongLink => continue,
            _ => {}
        }
        let ahead = std::mem::take(&mut ahead);
        let name = ahead.name.as_deref().unwrap_or(&header_name);
        if ahead.size.is_some_and(|stated| stated != size.to_string().into_bytes()) {
            return Err(guard.refusal(name, "its two headers state different sizes"));
        }
        match kind {
            _ if ahead.is_sparse || kind == EntryType::GNUSparse => {
                return Err(guard.refusal(name, "it is a sparse file"));
            }
            EntryType::Directory => guard.folder(name, size)?,
            // The oldest tars mark folders in this way.
            EntryType::Regular if name.ends_with(b"/") => guard.folder(name, size)?,
            EntryType::Regular | EntryType::Continuous => {
                let path = guard.file(name, size)?;
                let content = &mut WholeReader { inner: &mut entry, left: size };
                each(Entry { archive: guard.archive, path, content })?;
            }
            _ => return Err(guard.refusal(name, unwanted(kind))),
        }
    }
    let (_, mut rest) = archive.into_inner().into_inner();
    if rest.ended || ahead.is_anything() {
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the end of the archive is missing");
        return Err(guard.read_error(&cut));
    }
    check_end(&mut rest).map_err(|error| guard.read_error(&error))
}

/// Refuses a global pax header with more than comments, such as a name for all entries.
fn global(records: &[u8]) -> Result<(), &'static str> {
    let mut of_all = ExtendedHeader::default();
    of_all.take_records(records)?;
    if of_all.is_anything() {
        Err("its global pax header sets the name or size of all entries")
    } else {
        Ok(())
    }
}

/// Reads what follows the last entry: zeros only and, in a gzip stream, a checksum.
fn check_end(rest: &mut impl Read) -> io::Result<()> {
    let mut buffer = [0; 1 << 14];
    loop {
        match rest.read(&mut buffer)? {
            0 => return Ok(()),
            read if buffer[..read].iter().all(|&byte| byte == 0) => {}
            _ => return Err(io::Error::other("data after the end of the archive")),
        }
    }
}

fn unwanted(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink => "it is a symbolic link",
        EntryType::Link => "it is a hard link",
        EntryType::Char | EntryType::Block => "it is a device",
        EntryType::Fifo => "it is a pipe",
        _ => "it is neither a file nor a folder",
    }
}
