//! Partly downloaded files, with a record of the version that they belong to.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::{atomic, regular};

/// The largest record that is read, in bytes; records are much smaller.
const MOST_BYTES: u64 = 1 << 20;

/// The version of a file that downloaded bytes belong to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Version {
    pub url: String,
    /// The server's mark of this version: an entity tag, or the time of the last modification.
    pub validator: Option<String>,
    pub total: Option<u64>,
}

/// The first bytes of a file, and the version that they belong to.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    path: PathBuf,
    record: PathBuf,
    pub(super) version: Version,
    pub length: u64,
    /// Whether the bytes came in several answers, in which a server may have mixed two versions.
    pub is_from_pieces: bool,
}

impl PartialFile {
    /// Opens what an earlier process downloaded from this URL, emptied if it cannot be resumed.
    ///
    /// Without a validator, nothing shows whether the server still has the same file. A process
    /// then resumes only what it has received itself.
    pub fn open(path: PathBuf, record: PathBuf, url: &str) -> Result<Self> {
        // Windows cannot truncate a file opened for appending.
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let mut file = file.map_err(Error::write(&path))?;
        let length = file.seek(SeekFrom::End(0)).map_err(Error::read(&path))?;
        let version = regular::read(&record, MOST_BYTES).ok();
        let version = version.and_then(|bytes| serde_json::from_slice::<Version>(&bytes).ok());
        let version = version.unwrap_or_default();
        let mut part = Self { file, path, record, version, length, is_from_pieces: false };
        let same =
            part.version.url == url && part.version.total.is_none_or(|total| length <= total);
        if !same || (part.version.validator.is_none() && !part.is_all()) {
            part.restart_empty()?;
        }
        Ok(part)
    }

    /// Returns whether the file is complete; `false` if its total size is unknown.
    pub fn is_all(&self) -> bool {
        self.version.total == Some(self.length)
    }

    /// Starts over with an empty file of the given version.
    pub(super) fn restart(&mut self, version: Version) -> Result<()> {
        let cut = self.file.set_len(0).and_then(|()| self.file.rewind());
        cut.map_err(Error::write(&self.path))?;
        (self.length, self.is_from_pieces) = (0, false);
        // The bytes go first: a record must never stand beside the bytes of another version.
        if version == Version::default() {
            atomic::remove_if_present(&self.record)?;
        } else {
            let text = serde_json::to_vec(&version).unwrap_or_default();
            atomic::write(&self.record, &text)?;
        }
        self.version = version;
        Ok(())
    }

    /// Starts over with an empty file of unknown version.
    pub fn restart_empty(&mut self) -> Result<()> {
        self.restart(Version::default())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::write(&self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}
