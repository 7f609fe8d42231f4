//! Archives of files, which are hostile until unpacked.
//!
//! A `.tgz`, `.tar` or `.zip` is known by its first bytes, not by its name. The first entry that is
//! not a plain file or folder under a plain relative path refuses the whole archive by name; so
//! does what is damaged or cut short, and what grows beyond the [limits](ArchiveLimits). Nothing is
//! allocated by what a header claims.

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

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackedSize {
    /// How many files.
    pub files: u64,
    /// How many bytes are in them.
    pub bytes: u64,
}

/// Unpacks a `.tgz`, `.tar` or `.zip` archive into the new folder `into`, whole or not at all.
///
/// Hidden files, and folders without a file, are left out, so that the folder lists as the archive
/// does. `progress` is told how many bytes are written so far. The files are written to a hidden
/// folder beside `into`, which takes that name at the end and is deleted if anything fails; nothing
/// is ever written elsewhere. They have the permissions of any new file, and are not forced to the
/// disk one by one, which would take ten times as long: after a power cut some may be empty.
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
/// [`Error::Data`] if it is no archive, damaged, has an entry that is not a plain file or folder
/// under a plain relative path, or goes beyond the limits; [`Error::Read`] if it cannot be read;
/// [`Error::Write`] if `into` is there already or cannot be written.
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
        // Most files lie beside the one before.
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
