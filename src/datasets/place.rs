//! What belongs to one data set in the cache: its folders, and the record of where it is from.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::archive::UnpackedSize;
use crate::download::Sha256;
use crate::error::{Error, Result};
use crate::files::{Lock, atomic, regular, walk};

/// The most bytes of a record that are read; records are much smaller.
const MOST_BYTES: u64 = 1 << 20;

/// An archive by where it came from and the SHA-256 that was found when it was first downloaded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ArchiveRecord {
    pub url: String,
    pub sha256: Sha256,
}

/// The two folders of a data set: the one that others see, which is whole or absent, and the one
/// in which it is made.
///
/// ```text
/// datasets/NAME/origin.json   where it is from
/// datasets/NAME/data/         what was in the archive
/// work/NAME/lock              held by whoever changes anything
/// work/NAME/archive           what is here of the archive, until it is unpacked
/// work/NAME/part.json         what that is a part of
/// work/NAME/checksum.json     the SHA-256 that was found the first time
/// work/NAME/unpacked/         becomes datasets/NAME
/// work/NAME/removed/          was datasets/NAME
/// ```
#[derive(Debug, Clone)]
pub(super) struct CachePlace {
    pub folder: PathBuf,
    work: PathBuf,
}

impl CachePlace {
    pub fn of(home: &Path, name: &str) -> Self {
        Self { folder: home.join("datasets").join(name), work: home.join("work").join(name) }
    }

    /// Whether there is anything of it.
    pub fn is_begun(&self) -> bool {
        [&self.folder, &self.work].iter().any(|folder| folder.symlink_metadata().is_ok())
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn archive(&self) -> PathBuf {
        self.work.join("archive")
    }

    pub fn part(&self) -> PathBuf {
        self.work.join("part.json")
    }

    pub fn checksum(&self) -> PathBuf {
        self.work.join("checksum.json")
    }

    /// The archive that was downloaded the first time, if one was.
    pub fn record(&self) -> Option<ArchiveRecord> {
        let bytes = regular::read(&self.checksum(), MOST_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub fn write_record(&self, record: &ArchiveRecord) -> Result<()> {
        let text = serde_json::to_vec(record).unwrap_or_default();
        atomic::write(&self.checksum(), &text)
    }

    pub fn unpacked(&self) -> PathBuf {
        self.work.join("unpacked")
    }

    fn removed(&self) -> PathBuf {
        self.work.join("removed")
    }

    /// Takes the lock, and clears away what a killed process may have left.
    pub fn lock(&self, waiting: impl FnOnce()) -> Result<Lock> {
        fs::create_dir_all(&self.work).map_err(Error::write(&self.work))?;
        let lock = Lock::take(&self.work.join("lock"), waiting)?;
        self.clear_unpacked()?;
        clear(&self.removed())?;
        Ok(lock)
    }

    /// Moves the unpacked folder to where others see it.
    pub fn publish(&self) -> Result<()> {
        let parent = self.folder.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(Error::write(parent))?;
        fs::rename(self.unpacked(), &self.folder).map_err(Error::write(&self.folder))?;
        atomic::sync_parent(&self.folder)
    }

    /// Deletes the data set; says whether it was there.
    pub fn remove(&self) -> Result<bool> {
        match fs::rename(&self.folder, self.removed()) {
            Ok(()) => clear(&self.removed()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::write(&self.folder)(error)),
        }
    }

    /// Deletes what an earlier attempt has unpacked.
    pub fn clear_unpacked(&self) -> Result<()> {
        clear(&self.unpacked())
    }

    /// Deletes what is here of the archive.
    pub fn clear_archive(&self) -> Result<()> {
        atomic::remove_if_present(&self.archive())?;
        atomic::remove_if_present(&self.part())
    }
}

fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::write(folder)(error)),
        _ => Ok(()),
    }
}

/// The form of the record.
const FORMAT: u64 = 1;
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
    pub(super) fn now(url: String, sha256: Sha256, bytes: u64, unpacked: UnpackedSize) -> Self {
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
        let problem = |problem: String| Error::file(file.display(), problem);
        if let Err(error) = fs::symlink_metadata(folder) {
            return match error.kind() {
                ErrorKind::NotFound => Ok(None),
                _ => Err(Error::read(folder)(error)),
            };
        }
        let bytes = regular::read(&file, MOST_BYTES)?;
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
        atomic::write(&file, text.as_bytes())
    }
}

/// How many files a folder and its sub-folders have, and how many bytes in all.
pub(super) fn count(folder: &Path) -> Result<(u64, u64)> {
    let files = walk::tree(folder).whole()?.files;
    let mut bytes = 0;
    for file in &files {
        let path = file.path();
        bytes += fs::metadata(&path).map_err(Error::read(&path))?.len();
    }
    Ok((files.len() as u64, bytes))
}
