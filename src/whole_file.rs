//! Files that appear whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

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
    builder.prefix(".fastburn-");
    // A temporary file is private unless told otherwise; this one is to be as any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The error's own text would name the temporary file.
    let failed = |error: io::Error| Error::write(path)(error.kind().into());
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(content).map_err(Error::write(path))?;
    file.as_file().sync_all().map_err(Error::write(path))?;
    file.persist(path).map_err(|error| Error::write(path)(error.error))?;
    Ok(())
}
