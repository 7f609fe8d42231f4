//! Files that appear whole or not at all.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// A file that has an end, and its length in bytes: to open a pipe may take forever, and a device
/// may have no end.
pub(crate) fn open(path: &Path) -> Result<(fs::File, u64)> {
    let found = fs::metadata(path).map_err(Error::read(path))?;
    if !found.is_file() {
        let problem = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(Error::read(path)(problem));
    }
    Ok((fs::File::open(path).map_err(Error::read(path))?, found.len()))
}

/// The content of a file of at most that many bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, length) = open(path)?;
    if length > most {
        let problem = format!("it has {length} bytes, more than the {most} that it may have");
        return Err(Error::read(path)(io::Error::new(io::ErrorKind::FileTooLarge, problem)));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(Error::read(path))?;
    Ok(bytes)
}

/// Writes a file beside its place, waits until the disk has it, and moves it there.
///
/// Whoever looks sees the old file or the new one, also after a crash.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    // A link stays one, and what it leads to is written.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = around(&target);
    if !folder.is_dir() {
        let problem = format!("there is no folder {}; make it first", folder.display());
        return Err(Error::write(path)(io::Error::new(io::ErrorKind::NotFound, problem)));
    }
    let mut builder = tempfile::Builder::new();
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let prefix = unfinished(&name);
    builder.prefix(&prefix);
    // A temporary file is private unless told otherwise; this one is to be as the one before it, or
    // as any other new file.
    #[cfg(unix)]
    builder.permissions(match fs::metadata(&target) {
        Ok(before) => before.permissions(),
        Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o666),
    });
    // The error's own text would name the temporary file.
    let failed = |error: io::Error| Error::write(path)(error.kind().into());
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.as_file_mut().write_all(content).map_err(Error::write(path))?;
    file.as_file().sync_all().map_err(Error::write(path))?;
    file.persist(&target).map_err(|error| Error::write(path)(error.error))?;
    sync_around(&target)
}

/// The folder that a path is in.
pub(crate) fn around(path: &Path) -> &Path {
    let around = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    around.unwrap_or(Path::new("."))
}

/// Waits until the disk has what was moved to that path: the folder around it says so.
pub(crate) fn sync_around(path: &Path) -> Result<()> {
    #[cfg(unix)]
    fs::File::open(around(path))
        .and_then(|around| around.sync_all())
        .map_err(Error::write(path))?;
    // Elsewhere a folder cannot be opened as a file.
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// How the name of a file begins that is being written beside one whose name begins so.
pub(crate) fn unfinished(name: &str) -> String {
    format!(".{name}")
}
