//! Bounded reads of regular files.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file and returns it with its length in bytes.
///
/// Anything else is refused: opening a pipe may block forever, and a device may have no end.
pub(crate) fn open(path: &Path) -> Result<(fs::File, u64)> {
    let found = fs::metadata(path).map_err(Error::read(path))?;
    if !found.is_file() {
        let problem = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(Error::read(path)(problem));
    }
    Ok((fs::File::open(path).map_err(Error::read(path))?, found.len()))
}

/// Reads a file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, length) = open(path)?;
    if length > most {
        let problem = format!("{length} bytes, expected at most {most}");
        return Err(Error::read(path)(io::Error::new(io::ErrorKind::FileTooLarge, problem)));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(Error::read(path))?;
    Ok(bytes)
}
