//! Folders that appear whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::whole_file::{around, sync_around, unfinished};

/// A folder that is being filled, beside its place; without [`finish`](Self::finish) it goes away.
#[derive(Debug)]
pub(crate) struct WholeFolder {
    place: PathBuf,
    folder: TempDir,
}

/// Refuses a place where a folder cannot be put.
pub(crate) fn check(place: &Path) -> Result<()> {
    let refused = |kind, problem: String| Err(Error::write(place)(io::Error::new(kind, problem)));
    if place.symlink_metadata().is_ok() {
        let problem = "it is there already; choose another name, or remove it first";
        return refused(io::ErrorKind::AlreadyExists, problem.to_owned());
    }
    let around = around(place);
    if place.file_name().is_none() || !around.is_dir() {
        let problem = format!("there is no folder {}; make it first", around.display());
        return refused(io::ErrorKind::NotFound, problem);
    }
    Ok(())
}

impl WholeFolder {
    pub fn begin(place: &Path) -> Result<Self> {
        check(place)?;
        let name = unfinished(&place.file_name().unwrap_or_default().to_string_lossy());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&name);
        // A temporary folder is private unless told otherwise; this one is to be as any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        // The error's own text would name the temporary folder.
        let failed = |error: io::Error| Error::write(place)(error.kind().into());
        let folder = builder.tempdir_in(around(place)).map_err(failed)?;
        Ok(Self { place: place.to_path_buf(), folder })
    }

    /// Where it is filled.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts it into its place.
    pub fn finish(self) -> Result<()> {
        check(&self.place)?;
        fs::rename(self.folder.path(), &self.place).map_err(Error::write(&self.place))?;
        // There is nothing left to remove.
        let _ = self.folder.keep();
        sync_around(&self.place)
    }
}
