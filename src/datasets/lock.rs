//! One process at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};

/// A lock that is held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code)] File);

impl Lock {
    /// Takes the lock of that file; `waiting` is called if another process has it.
    ///
    /// The file stays: were it deleted, two processes could lock two files of one name.
    pub fn take(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(Error::write(path))?;
        match file.try_lock() {
            Ok(()) => return Ok(Self(file)),
            Err(TryLockError::WouldBlock) => waiting(),
            Err(TryLockError::Error(error)) => return Err(Error::write(path)(error)),
        }
        file.lock().map_err(Error::write(path))?;
        Ok(Self(file))
    }
}
