//! One process at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::error::{Error, Result};

/// How often, and after what time, a taken lock is tried again before it counts as taken: a process
/// that is being started holds a copy of every handle for a moment.
const ATTEMPTS: usize = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped or the process ends, however it ends.
///
/// The file stays: if it were deleted, two processes could lock two files of one name.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a file, or returns `None` if it is taken.
    pub fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        Ok(try_lock(&file, path)?.then_some(Self { _file: file }))
    }

    /// Takes the lock of a file; `waiting` is called if it is taken.
    #[cfg(feature = "download")]
    pub fn take(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => return Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => waiting(),
            Err(TryLockError::Error(error)) => return Err(Error::write(path)(error)),
        }
        file.lock().map_err(Error::write(path))?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> Result<File> {
    File::options().create(true).append(true).open(path).map_err(Error::write(path))
}

/// Locks an open file until it is closed; returns `false` if it is locked already, by another
/// process or through another handle of this one.
fn try_lock(file: &File, path: &Path) -> Result<bool> {
    for _ in 0..ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => sleep(BETWEEN_ATTEMPTS),
            Err(TryLockError::Error(error)) => return Err(Error::write(path)(error)),
        }
    }
    Ok(false)
}

/// Locks a file that is about to be put at a path, until it is closed.
pub(super) fn lock_new_file(file: &File, path: &Path) -> Result<()> {
    if try_lock(file, path)? { Ok(()) } else { Err(is_being_written(path)) }
}

/// Locks the file at a path and returns it; `None` if there is none.
pub(super) fn lock_present_file(path: &Path) -> Result<Option<File>> {
    loop {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::write(path)(error)),
        };
        if !try_lock(&file, path)? {
            return Err(is_being_written(path));
        }
        // Another writer may have replaced the file after it was opened here and before it was
        // locked: that lock would keep nobody away.
        if is_at(&file, path) {
            return Ok(Some(file));
        }
    }
}

/// Whether an open file is still the one at a path.
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
