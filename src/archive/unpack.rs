//! An archive onto the disk: whole, or not at all.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ArchiveLimits, Entry, walk};
use crate::error::{Error, Result};

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
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
/// use fastburn::data::{ArchiveLimits, unpack};
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
/// [`Error::Layout`] if it is no archive, damaged, has an entry that is not a plain file or folder
/// under a plain relative path, or goes beyond the limits; [`Error::Read`] if it cannot be read;
/// [`Error::Write`] if `into` is there already or cannot be written.
pub fn unpack(
    archive: &Path,
    into: &Path,
    limits: &ArchiveLimits,
    progress: &dyn Fn(u64),
) -> Result<Unpacked> {
    let refuse = |kind: io::ErrorKind| Error::write(into)(kind.into());
    if into.symlink_metadata().is_ok() {
        return Err(refuse(io::ErrorKind::AlreadyExists));
    }
    let name = into.file_name().ok_or_else(|| refuse(io::ErrorKind::InvalidFilename))?;
    let beside = into.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    let prefix = format!(".{}", name.to_string_lossy());
    builder.prefix(&prefix);
    // A temporary folder is private unless told otherwise; this one is to be as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    // The error's own text would name the temporary folder.
    let unfinished = builder.tempdir_in(beside).map_err(|error| refuse(error.kind()))?;
    let mut unpacked = Unpacked { files: 0, bytes: 0 };
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
        let parent = parents.iter().fold(unfinished.path().to_path_buf(), |at, p| at.join(p));
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
    fs::rename(unfinished.path(), into).map_err(|error| refuse(error.kind()))?;
    // There is nothing left to delete under the temporary name.
    let _ = unfinished.keep();
    // The move itself is on the disk once the folder is.
    #[cfg(unix)]
    fs::File::open(beside).and_then(|folder| folder.sync_all()).map_err(Error::write(into))?;
    Ok(unpacked)
}
