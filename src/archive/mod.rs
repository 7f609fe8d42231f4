//! Archives of files, which are not trusted.
//!
//! A `.tgz`, `.tar` or `.zip` is recognised by its first bytes, not by its name. The whole archive
//! is refused if any entry is not a plain file or folder under a plain relative path, if it is
//! damaged or truncated, or if it exceeds the [limits](ArchiveLimits); the error names the entry.
//! No memory is allocated by the sizes that headers claim.

mod entry;
mod extended_header;
mod guard;
mod limits;
mod tar;
mod walk;
mod zip;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) use self::entry::{Entry, Visit};
pub use self::limits::ArchiveLimits;
pub(crate) use self::walk::{walk, walk_bytes};
use crate::error::{Error, Result};
use crate::files::atomic::AtomicFolder;

/// The size of an unpacked archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackedSize {
    /// The number of files.
    pub files: u64,
    /// The total size of the files in bytes.
    pub bytes: u64,
}

/// Unpacks a `.tgz`, `.tar` or `.zip` archive into the new folder `into`, completely or not at all.
///
/// Hidden files and folders without files are left out, so that the folder lists the same files as
/// the archive. `progress` is called with the number of bytes written so far. The files are written
/// to a hidden folder beside `into`, which is renamed at the end or deleted if anything fails, and
/// nowhere else. They have the permissions of any new file. They are not flushed to disk one by
/// one, which would take ten times as long: after a power cut some may be empty.
///
/// ```
/// use fastburn::archive::{ArchiveLimits, unpack};
///
/// let folder = tempfile::tempdir()?;
/// let digits = folder.path().join("digits");
/// let limits = ArchiveLimits::default();
/// let unpacked = unpack("assets/digits.tgz".as_ref(), &digits, &limits, &|_bytes| {})?;
/// assert_eq!(unpacked.files, 7000);
/// assert!(digits.is_dir());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Data`] if the file is not an archive, is damaged, has an entry that is not a plain file
/// or folder under a plain relative path, or exceeds the limits; [`Error::Read`] if it cannot be
/// read; [`Error::Write`] if `into` already exists or cannot be written.
pub fn unpack(
    archive: &Path,
    into: &Path,
    limits: &ArchiveLimits,
    progress: &dyn Fn(u64),
) -> Result<UnpackedSize> {
    let whole = AtomicFolder::begin(into)?;
    let mut unpacked = UnpackedSize { files: 0, bytes: 0 };
    let (mut folder, mut buffer) = (PathBuf::new(), vec![0; 1 << 16]);
    walk(archive, limits, &mut |entry: Entry<'_>| {
        let Some((file, parents)) = entry.path.split_last() else { return Ok(()) };
        if entry.is_hidden() {
            return Ok(());
        }
        let failed = |error: io::Error| {
            let place: PathBuf = into.iter().chain(entry.path.iter().map(OsStr::new)).collect();
            Error::write(&place)(error.kind().into())
        };
        let parent = parents.iter().fold(whole.path().to_path_buf(), |at, p| at.join(p));
        // Most files are in the folder of the previous one.
        if parent != folder {
            fs::create_dir_all(&parent).map_err(failed)?;
            folder = parent;
        }
        let mut file = fs::File::create_new(folder.join(file)).map_err(failed)?;
        loop {
            let read = entry.content.read(&mut buffer);
            let read = read.map_err(|error| entry.unreadable(&error))?;
            if read == 0 {
                break;
            }
            file.write_all(&buffer[..read]).map_err(failed)?;
            unpacked.bytes += read as u64;
        }
        unpacked.files += 1;
        progress(unpacked.bytes);
        Ok(())
    })?;
    whole.finish()?;
    Ok(unpacked)
}
