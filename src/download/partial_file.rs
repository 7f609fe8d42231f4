//! An archive that is not all here yet.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::{atomic, regular};

/// Its record is much smaller.
const MOST_BYTES: u64 = 1 << 20;

/// What the bytes are a part of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Version {
    pub url: String,
    /// By what the server knows this version of it: an entity tag, or the time of its last change.
    pub validator: Option<String>,
    pub total: Option<u64>,
}

/// The first bytes of an archive, and what they are the first bytes of.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    path: PathBuf,
    record: PathBuf,
    pub(super) version: Version,
    pub length: u64,
    /// Whether the bytes came in more than one piece, so that a server may have mixed two versions.
    pub is_pieced: bool,
}

impl PartialFile {
    /// What an earlier process left of this url, if it can be taken up; else nothing yet.
    ///
    /// Without a validator nobody can tell whether the server still has the same archive; then only
    /// this process goes on with what it has itself received.
    pub fn open(path: PathBuf, record: PathBuf, url: &str) -> Result<Self> {
        // Windows cannot cut a file that was opened to append.
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let mut file = file.map_err(Error::write(&path))?;
        let length = file.seek(SeekFrom::End(0)).map_err(Error::read(&path))?;
        let version = regular::read(&record, MOST_BYTES).ok();
        let version = version.and_then(|bytes| serde_json::from_slice::<Version>(&bytes).ok());
        let version = version.unwrap_or_default();
        let mut part = Self { file, path, record, version, length, is_pieced: false };
        let same =
            part.version.url == url && part.version.total.is_none_or(|total| length <= total);
        if !same || (part.version.validator.is_none() && !part.is_all()) {
            part.restart_empty()?;
        }
        Ok(part)
    }

    /// Whether all bytes are here, as far as anybody said how many there are.
    pub fn is_all(&self) -> bool {
        self.version.total == Some(self.length)
    }

    /// Begins anew, with what is known of the version that comes.
    pub(super) fn restart(&mut self, version: Version) -> Result<()> {
        let cut = self.file.set_len(0).and_then(|()| self.file.rewind());
        cut.map_err(Error::write(&self.path))?;
        (self.length, self.is_pieced) = (0, false);
        // The bytes go before their record does: it must never stand beside another's bytes.
        if version == Version::default() {
            atomic::remove_if_present(&self.record)?;
        } else {
            let text = serde_json::to_vec(&version).unwrap_or_default();
            atomic::write(&self.record, &text)?;
        }
        self.version = version;
        Ok(())
    }

    /// Begins anew, with nothing known.
    pub fn restart_empty(&mut self) -> Result<()> {
        self.restart(Version::default())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        if written.is_err() {
            // What did arrive counts: on a full disk some of the bytes may have.
            self.length = fs::metadata(&self.path).map_or(self.length, |found| found.len());
        } else {
            self.length += bytes.len() as u64;
        }
        written.map_err(Error::write(&self.path))
    }
}
