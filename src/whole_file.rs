//! Files that appear whole or not at all.

use std::fs::Permissions;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file beside its place, waits until the disk has it, and moves it there.
///
/// Whoever looks sees the old file or the new one, also after a crash.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fastburn-");
    // A temporary file is private unless told otherwise; this one is to be as any other new file.
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(Error::write(path))?;
    file.write_all(content).map_err(Error::write(path))?;
    file.as_file().sync_all().map_err(Error::write(path))?;
    file.persist(path).map_err(|error| Error::write(path)(error.error))?;
    Ok(())
}
