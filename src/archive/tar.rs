//! Tar archives, gzipped or not.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use tar::EntryType;

use super::entry::{Entry, Visit};
use super::extended_header::ExtendedHeader;
use super::guard::Guard;
use super::limits::{CompressedReader, MeteredReader, WholeReader};
use crate::error::{Error, Result};

/// The bytes of a header, and those to which a content is filled up.
const BLOCK: u64 = 512;
/// The most bytes that may stand ahead of an entry.
const MOST_AHEAD: u64 = 1 << 20;

/// The first block, or as much of it as there is.
pub(super) fn beginning(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    reader.take(BLOCK).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// Whether the first block is a tar's: it says so or, in the oldest form, has the right checksum.
pub(super) fn is_tar(beginning: &[u8]) -> bool {
    if beginning.get(257..262) == Some(b"ustar") {
        return true;
    }
    if beginning.len() as u64 != BLOCK {
        return false;
    }
    // In its own sum the checksum counts as blanks.
    let of_blanks = 8 * u32::from(b' ');
    let others = beginning[..148].iter().chain(&beginning[156..]);
    let sum = others.fold(of_blanks, |sum, &byte| sum + u32::from(byte));
    tar::Header::from_byte_slice(beginning).cksum().is_ok_and(|said| said == sum)
}

/// Visits the files of a gzipped tar.
pub(super) fn walk_gzipped(
    archive: impl BufRead,
    guard: &mut Guard<'_>,
    each: &mut Visit<'_>,
) -> Result<()> {
    let packed = CompressedReader { inner: archive, meter: guard.meter.clone() };
    let mut unpacked = MeteredReader::new(MultiGzDecoder::new(packed), guard.meter.clone());
    let beginning = beginning(&mut unpacked).map_err(|error| guard.trouble(&error))?;
    if !is_tar(&beginning) {
        let problem = "a gzipped file that is no tar, where a folder or a .tgz, .tar or .zip \
                       archive is expected";
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

/// The headers are read one by one, as they are: the `tar` crate would put a name of any length
/// into memory, follow sparse maps and pass over what it does not know.
fn walk_blocks<R: Read>(
    beginning: io::Cursor<Vec<u8>>,
    rest: MeteredReader<R>,
    guard: &mut Guard<'_>,
    each: &mut Visit<'_>,
) -> Result<()> {
    let mut archive = tar::Archive::new(beginning.chain(rest));
    let mut ahead = ExtendedHeader::default();
    for entry in archive.entries().map_err(|error| guard.trouble(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| guard.trouble(&error))?;
        let (kind, size) = (entry.header().entry_type(), entry.size());
        let its_own = entry.header().path_bytes().into_owned();
        let refusal = |guard: &Guard<'_>, why: &str| Err(guard.refusal(&its_own, why));
        match kind {
            EntryType::GNULongName | EntryType::XHeader | EntryType::XGlobalHeader => {
                if size > MOST_AHEAD {
                    return refusal(guard, "its header is longer than 1 MiB");
                }
                let mut content = Vec::new();
                let mut whole = WholeReader { inner: &mut entry, left: size };
                whole.read_to_end(&mut content).map_err(|error| guard.trouble(&error))?;
                let taken = match kind {
                    EntryType::GNULongName => ahead.take_long_name(content),
                    EntryType::XHeader => ahead.take_records(&content),
                    _ => global(&content),
                };
                taken.or_else(|why| refusal(guard, why))?;
                continue;
            }
            // The name of what a link leads to; the link itself is refused.
            EntryType::GNULongLink => continue,
            _ => {}
        }
        let ahead = std::mem::take(&mut ahead);
        let name = ahead.name.as_deref().unwrap_or(&its_own);
        if ahead.size.is_some_and(|said| said != size.to_string().into_bytes()) {
            return Err(guard.refusal(name, "its two headers differ in its size"));
        }
        match kind {
            _ if ahead.is_sparse || kind == EntryType::GNUSparse => {
                return Err(guard.refusal(name, "it is a sparse file"));
            }
            EntryType::Directory => guard.folder(name, size)?,
            // So the oldest tars have folders.
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
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "its end is missing");
        return Err(guard.trouble(&cut));
    }
    check_end(&mut rest).map_err(|error| guard.trouble(&error))
}

/// What holds for all entries may be a comment, but not a name.
fn global(records: &[u8]) -> Result<(), &'static str> {
    let mut of_all = ExtendedHeader::default();
    of_all.take_records(records)?;
    match of_all.is_anything() {
        true => Err("its pax header gives all entries one name or size"),
        false => Ok(()),
    }
}

/// The tar format ends before the file does: with zeros, and in a gzip stream with a checksum.
fn check_end(rest: &mut impl Read) -> io::Result<()> {
    let mut buffer = [0; 1 << 14];
    loop {
        match rest.read(&mut buffer)? {
            0 => return Ok(()),
            read if buffer[..read].iter().all(|&byte| byte == 0) => {}
            _ => return Err(io::Error::other("something follows its end")),
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
