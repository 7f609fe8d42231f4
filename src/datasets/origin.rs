//! The record of the bytes that a folder in the cache came from.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::checksums::Sha256;
use crate::archive::Unpacked;
use crate::error::{Error, Result};
use crate::whole_file;

/// The form of the record.
const FORMAT: u64 = 1;
/// A record is much smaller.
const MOST_BYTES: u64 = 1 << 20;

/// What a data set in the cache came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    format: u64,
    /// Where the archive was, without a user's name and password.
    pub url: String,
    /// The archive's SHA-256.
    pub sha256: Sha256,
    /// The archive's size in bytes.
    pub bytes: u64,
    /// How many files were in it.
    pub files: u64,
    /// How many bytes these have.
    pub unpacked_bytes: u64,
    /// When it was unpacked, in seconds since 1970.
    pub unix_time: u64,
    /// The version of fastburn that did so.
    pub fastburn: String,
}

impl Origin {
    /// A record of files unpacked just now.
    pub(super) fn now(url: String, sha256: Sha256, bytes: u64, unpacked: Unpacked) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            format: FORMAT,
            url,
            sha256,
            bytes,
            files: unpacked.files,
            unpacked_bytes: unpacked.bytes,
            unix_time: now.map_or(0, |time| time.as_secs()),
            fastburn: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The record of a folder, if there is such a folder.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join("origin.json");
        let problem = |problem| Error::File { file: file.display().to_string(), problem };
        if let Err(error) = fs::symlink_metadata(folder) {
            return match error.kind() {
                ErrorKind::NotFound => Ok(None),
                _ => Err(Error::read(folder)(error)),
            };
        }
        let bytes = whole_file::read(&file, MOST_BYTES)?;
        let record: Self = serde_json::from_slice(&bytes)
            .map_err(|error| problem(format!("a damaged record of a data set ({error})")))?;
        if record.format > FORMAT {
            return Err(Error::Newer {
                file: file.display().to_string(),
                found: record.format,
                newest: FORMAT,
                writer: record.fastburn,
            });
        }
        Ok(Some(record))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let file = folder.join("origin.json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        whole_file::write(&file, text.as_bytes())
    }
}

/// How many files a folder and its sub-folders have, and how many bytes in all.
pub(super) fn count(folder: &Path) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
        let entry = entry.map_err(Error::read(folder))?;
        let found = entry.metadata().map_err(Error::read(&entry.path()))?;
        let (more_files, more_bytes) =
            if found.is_dir() { count(&entry.path())? } else { (1, found.len()) };
        files += more_files;
        bytes += more_bytes;
    }
    Ok((files, bytes))
}
