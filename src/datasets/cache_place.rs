//! The place of a data set or of weights in the cache: the folders, and the record of the origin.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::archive::UnpackedSize;
use crate::download::Sha256;
use crate::error::{Error, Result};
use crate::files::{Lock, atomic, regular, walk};

/// The largest record that is read, in bytes; records are much smaller.
const MOST_BYTES: u64 = 1 << 20;

/// The URL of a download, and its SHA-256 at the first time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DownloadRecord {
    pub url: String,
    pub sha256: Sha256,
}

/// A part of the cache, each with names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Data sets, unpacked from archives.
    DataSets,
    /// Files of pretrained weights.
    Weights,
}

impl Shelf {
    /// Returns its folder of complete entries.
    pub fn folder(self, home: &Path) -> PathBuf {
        home.join(match self {
            Self::DataSets => "datasets",
            Self::Weights => "weights",
        })
    }

    /// Returns its folder of work in progress.
    fn work(self, home: &Path) -> PathBuf {
        home.join(match self {
            Self::DataSets => "work",
            Self::Weights => "weights-work",
        })
    }
}

/// The two folders of a data set or of weights: the published one, which is complete or absent, and
/// the working folder in which it is prepared.
///
/// ```text
/// datasets/NAME/origin.json   the archive that it came from
/// datasets/NAME/data/         the files of the archive
/// work/NAME/lock              held by the process that makes changes
/// work/NAME/archive           the download, complete or partial, until it is unpacked
/// work/NAME/part.json         the version that the partial file belongs to
/// work/NAME/checksum.json     the SHA-256 of the first download
/// work/NAME/unpacked/         becomes datasets/NAME
/// work/NAME/removed/          was datasets/NAME
/// ```
///
/// Weights have the same in `weights/NAME/` and `weights-work/NAME/`. Their `data/` holds one file,
/// as it was downloaded.
#[derive(Debug, Clone)]
pub(super) struct CachePlace {
    pub folder: PathBuf,
    work: PathBuf,
}

impl CachePlace {
    pub fn of(home: &Path, shelf: Shelf, name: &str) -> Self {
        Self { folder: shelf.folder(home).join(name), work: shelf.work(home).join(name) }
    }

    /// Returns whether either folder exists.
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

    /// Returns the record of the first download, if there is one.
    pub fn record(&self) -> Option<DownloadRecord> {
        let bytes = regular::read(&self.checksum(), MOST_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub fn write_record(&self, record: &DownloadRecord) -> Result<()> {
        let text = serde_json::to_vec(record).unwrap_or_default();
        atomic::write(&self.checksum(), &text)
    }

    pub fn unpacked(&self) -> PathBuf {
        self.work.join("unpacked")
    }

    fn removed(&self) -> PathBuf {
        self.work.join("removed")
    }

    /// Takes the lock, and deletes what a killed process may have left behind.
    pub fn lock(&self, waiting: impl FnOnce()) -> Result<Lock> {
        fs::create_dir_all(&self.work).map_err(Error::write(&self.work))?;
        let lock = Lock::take(&self.work.join("lock"), waiting)?;
        self.clear_unpacked()?;
        clear(&self.removed())?;
        Ok(lock)
    }

    /// Moves the unpacked folder to its published place.
    pub fn publish(&self) -> Result<()> {
        let parent = self.folder.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(Error::write(parent))?;
        fs::rename(self.unpacked(), &self.folder).map_err(Error::write(&self.folder))?;
        atomic::sync_parent(&self.folder)
    }

    /// Deletes the published folder and returns whether it existed.
    pub fn remove(&self) -> Result<bool> {
        match fs::rename(&self.folder, self.removed()) {
            Ok(()) => clear(&self.removed()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::write(&self.folder)(error)),
        }
    }

    /// Deletes what an earlier attempt prepared.
    pub fn clear_unpacked(&self) -> Result<()> {
        clear(&self.unpacked())
    }

    /// Deletes the download, complete or partial.
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

/// The format version of the record.
const FORMAT: u64 = 1;

/// The origin of a cached data set or file of weights: what was downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    format: u64,
    /// The URL of the archive or file, without user name and password.
    pub url: String,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of unpacked files; 1 for a file of weights.
    pub files: u64,
    /// The total size of these files in bytes.
    pub unpacked_bytes: u64,
    /// The time of the download's end, in seconds since the Unix epoch.
    pub unix_time: u64,
    /// The version of fastburn that downloaded it.
    pub fastburn: String,
}

impl Origin {
    /// Creates the record of a download unpacked just now.
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

    /// Reads the record in a published folder, or returns `None` if the folder does not exist.
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
            .map_err(|error| problem(format!("damaged record of a download ({error})")))?;
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

/// Returns the number of files in a folder and its sub-folders, and their total size in bytes.
pub(super) fn count(folder: &Path) -> Result<(u64, u64)> {
    let files = walk::tree(folder).whole()?.files;
    let mut bytes = 0;
    for file in &files {
        let path = file.path();
        bytes += fs::metadata(&path).map_err(Error::read(&path))?.len();
    }
    Ok((files.len() as u64, bytes))
}
