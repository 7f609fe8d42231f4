//! File locks between processes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::error::{Error, Result};

/// How often, and at what interval, a lock is tried before it counts as taken. A child process that
/// is starting holds a copy of every handle for a moment, which can prolong a released lock.
const ATTEMPTS: usize = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped or the process ends, even if it is killed.
///
/// The file is kept: if it were deleted, two processes could lock two files of the same name.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks a file, or returns `None` if it is already locked.
    pub fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        Ok(try_lock(&file, path)?.then_some(Self { _file: file }))
    }

    /// Locks a file. If it is already locked, calls `waiting` and waits.
    #[cfg(feature = "download")]
    pub fn take(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = open(path)?;
        if !try_lock(&file, path)? {
            waiting();
            file.lock().map_err(Error::write(path))?;
        }
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> Result<File> {
    // Some systems lock only files that are open for reading, others only those open for writing.
    let file = File::options().create(true).read(true).append(true).open(path);
    file.map_err(Error::write(path))
}

/// Locks an open file until it is closed. Returns `false` if it is already locked, by another
/// process or through another handle of this one.
fn try_lock(file: &File, path: &Path) -> Result<bool> {
    for _ in 0..ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => sleep(BETWEEN_ATTEMPTS),
            // Some file systems have no locks. A run there is not refused.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                return Ok(true);
            }
            Err(TryLockError::Error(error)) => return Err(Error::write(path)(error)),
        }
    }
    Ok(false)
}

/// Locks a file that is about to be moved to `path`, until it is closed.
pub(super) fn lock_new_file(file: &File, path: &Path) -> Result<()> {
    if try_lock(file, path)? { Ok(()) } else { Err(is_being_written(path)) }
}

/// Locks the file at a path. Returns it, and whether it had to be created: two writers that begin
/// together meet at the lock of an empty file. A process that is killed right then leaves it empty.
pub(super) fn lock_present_file(path: &Path) -> Result<(File, bool)> {
    loop {
        let mut options = File::options();
        options.read(true).append(true);
        let (file, is_new) = match options.clone().create_new(true).open(path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::write(path)(error));
            }
            Err(_) => match options.open(path) {
                Ok(file) => (file, false),
                // Another writer has just removed the empty file that it had created.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::write(path)(error)),
            },
        };
        if !try_lock(&file, path)? {
            return Err(is_being_written(path));
        }
        // Another writer may have replaced the file between opening and locking. A lock on the old
        // file would keep nobody out.
        if is_at(&file, path) {
            return Ok((file, is_new));
        }
    }
}

/// Returns whether an open file is still the one at a path.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::fs::{Metadata, metadata};
        use std::os::unix::fs::MetadataExt;
        let id = |found: &Metadata| (found.dev(), found.ino());
        matches!((file.metadata(), metadata(path)), (Ok(a), Ok(b)) if id(&a) == id(&b))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

fn is_being_written(path: &Path) -> Error {
    let problem = "another run is writing it";
    Error::write(path)(io::Error::new(io::ErrorKind::ResourceBusy, problem))
}
