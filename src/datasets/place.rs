//! Where the cache has what belongs to one data set.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use crate::error::{Error, Result};
use crate::whole_file::sync_around;

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
pub(super) struct Place {
    pub folder: PathBuf,
    work: PathBuf,
}

impl Place {
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
        clear(&self.unpacked())?;
        clear(&self.removed())?;
        Ok(lock)
    }

    /// Moves the unpacked folder to where others see it.
    pub fn publish(&self) -> Result<()> {
        let parent = self.folder.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(Error::write(parent))?;
        fs::rename(self.unpacked(), &self.folder).map_err(Error::write(&self.folder))?;
        sync_around(&self.folder)
    }

    /// Deletes the data set; says whether it was there.
    pub fn remove(&self) -> Result<bool> {
        match fs::rename(&self.folder, self.removed()) {
            Ok(()) => clear(&self.removed()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::write(&self.folder)(error)),
        }
    }

    /// Deletes what is here of the archive.
    pub fn clear_archive(&self) -> Result<()> {
        delete(&self.archive())?;
        delete(&self.part())
    }
}

fn clear(folder: &Path) -> Result<()> {
    absent(fs::remove_dir_all(folder), folder)
}

/// Deletes a file, if it is there.
pub(super) fn delete(file: &Path) -> Result<()> {
    absent(fs::remove_file(file), file)
}

fn absent(result: std::io::Result<()>, path: &Path) -> Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::write(path)(error)),
        _ => Ok(()),
    }
}
