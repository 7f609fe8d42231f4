//! Files that appear whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// How the name of a file that is being written begins.
const UNFINISHED: &str = ".fastburn-";

/// The content of a file that has an end: a pipe or a device may have none.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    if !fs::metadata(path).map_err(Error::read(path))?.is_file() {
        let problem = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(Error::read(path)(problem));
    }
    fs::read(path).map_err(Error::read(path))
}

/// Writes a file beside its place, waits until the disk has it, and moves it there.
///
/// Whoever looks sees the old file or the new one, also after a crash.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let problem = format!("there is no folder {}; make it first", folder.display());
        return Err(Error::write(path)(io::Error::new(io::ErrorKind::NotFound, problem)));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // A temporary file is private unless told otherwise; this one is to be as any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The error's own text would name the temporary file.
    let failed = |error: io::Error| Error::write(path)(error.kind().into());
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(content).map_err(Error::write(path))?;
    file.as_file().sync_all().map_err(Error::write(path))?;
    file.persist(path).map_err(|error| Error::write(path)(error.error))?;
    // The move itself is on the disk once the folder is.
    #[cfg(unix)]
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::write(path))?;
    Ok(())
}

/// Removes what a process that was killed left of a file; nobody else may write to the folder.
pub(crate) fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
        let entry = entry.map_err(Error::read(folder))?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path()).map_err(Error::write(&entry.path()))?;
        }
    }
    Ok(())
}
