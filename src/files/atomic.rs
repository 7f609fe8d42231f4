//! Atomic writes: files and folders that appear completely or not at all.
//!
//! Each is written under a temporary name beside its final place, flushed to disk, and renamed. The
//! temporary name begins with a dot and the first characters of the final one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::{NamedTempFile, TempDir};

use super::lock::{lock_new_file, lock_present_file};
use crate::error::{Error, Result};
use crate::mutex::lock;

/// The maximum number of bytes of a final name in its temporary name. File systems allow names of
/// 255 bytes, and a dot and random characters are added.
const KEPT: usize = 200;
/// The maximum number of symbolic links to follow to the file to write, as in Linux.
const MOST_LINKS: usize = 40;

/// Writes a file completely, or leaves the old one.
///
/// Readers see either the old file or the new one, even after a crash. A symbolic link is kept: the
/// file that it points to is written, which need not exist yet.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    write_open(path, content, |_| Ok(())).map(drop)
}

/// Writes a file as [`write`] does, and returns it open for more, locked until it is closed.
///
/// Refuses a file that is already locked: two writers would mix their lines. On Windows, a lock
/// would also prevent others from reading the file, so it is not locked.
pub(crate) fn write_locked(path: &Path, content: &[u8]) -> Result<fs::File> {
    if cfg!(windows) {
        return write_open(path, content, |_| Ok(()));
    }
    // Both locks are held while the new file replaces the old one, so that there is no moment at
    // which another writer finds the path unlocked.
    let target = target_of(path)?;
    let (_present, is_new) = lock_present_file(&target)?;
    let written = write_open(path, content, |file| lock_new_file(file, path));
    if written.is_err() && is_new {
        // It is empty, and stood for the file that could not be written.
        let _ = fs::remove_file(target);
    }
    written
}

fn write_open(
    path: &Path,
    content: &[u8],
    before_rename: impl FnOnce(&fs::File) -> Result<()>,
) -> Result<fs::File> {
    let TemporaryFile { _unfinished, mut file, target } = TemporaryFile::new(path)?;
    file.as_file_mut().write_all(content).map_err(Error::write(path))?;
    file.as_file().sync_all().map_err(Error::write(path))?;
    before_rename(file.as_file())?;
    let file = file.persist(&target).map_err(|error| Error::write(path)(error.error))?;
    sync_parent(&target)?;
    Ok(file)
}

/// Checks that a file can be written as model files, pictures and logs are, and leaves nothing.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// assert!(fastburn::try_write(folder.path().join("model.safetensors").as_ref()).is_ok());
/// assert!(fastburn::try_write(folder.path().join("missing/model.safetensors").as_ref()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Write`] if it cannot.
pub fn try_write(path: &Path) -> Result<()> {
    let TemporaryFile { target, .. } = TemporaryFile::new(path)?;
    // The temporary name may be shorter than the final one. Looking up the final one reveals now
    // whether it is too long.
    match fs::symlink_metadata(&target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(path)(error)),
        _ => Ok(()),
    }
}

/// Deletes a file if it exists.
#[cfg(feature = "download")]
pub(crate) fn remove_if_present(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(path)(error)),
        _ => Ok(()),
    }
}

/// A temporary file beside the file that it will replace.
struct TemporaryFile {
    file: NamedTempFile,
    /// The path with symbolic links at its end resolved.
    target: PathBuf,
    _unfinished: UnfinishedPath,
}

impl TemporaryFile {
    fn new(path: &Path) -> Result<Self> {
        let target = target_of(path)?;
        let folder = parent(&target);
        let prefix = temporary_prefix(&target);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        // Temporary files are private by default. This one gets the permissions of any new file, or
        // exactly those of the file that it replaces.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let create = || builder.tempfile_in(folder);
        let created = UnfinishedPath::create(create, NamedTempFile::path);
        let (file, unfinished) = created.map_err(Error::write(path))?;
        #[cfg(unix)]
        if let Ok(before) = fs::metadata(&target) {
            let permissions = before.permissions();
            file.as_file().set_permissions(permissions).map_err(Error::write(path))?;
        }
        Ok(Self { file, target, _unfinished: unfinished })
    }
}

/// Returns where a file is to be written, if that is in a folder and neither a folder itself nor a
/// device or a pipe, which renaming a file to its name would remove.
fn target_of(path: &Path) -> Result<PathBuf> {
    let target = link_target(path).map_err(Error::write(path))?;
    // The only form in which Windows renames to paths of more than 259 characters.
    #[cfg(windows)]
    let target = match (parent(&target).canonicalize(), target.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => target,
    };
    let refused = |problem| Err(Error::write(path)(io::Error::other(problem)));
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => refused("it is a folder"),
        Ok(found) if !found.is_file() => refused("it is not a regular file"),
        _ if !parent(&target).is_dir() => Err(Error::write(path)(no_folder(parent(&target)))),
        _ => Ok(target),
    }
}

/// Follows symbolic links at the end of a path. Unlike in `fs::canonicalize`, the last target need
/// not exist.
fn link_target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_symlink() => {
                // A relative target starts at the folder of the link; an absolute one replaces it.
                target = parent(&target).join(fs::read_link(&target)?);
            }
            _ => return Ok(target),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A folder that is filled beside its final place. It is deleted if it is dropped without
/// [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct AtomicFolder {
    place: PathBuf,
    folder: TempDir,
    _unfinished: UnfinishedPath,
}

impl AtomicFolder {
    /// Creates a temporary folder that will become `place`.
    pub fn begin(place: &Path) -> Result<Self> {
        check_vacant(place)?;
        let mut builder = tempfile::Builder::new();
        let prefix = temporary_prefix(place);
        builder.prefix(&prefix);
        // Temporary folders are private by default. This one gets the permissions of any new one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let create = || builder.tempdir_in(parent(place));
        let created = UnfinishedPath::create(create, TempDir::path);
        let (folder, unfinished) = created.map_err(Error::write(place))?;
        Ok(Self { place: place.to_path_buf(), folder, _unfinished: unfinished })
    }

    /// Returns the temporary folder, to be filled.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Moves the folder to its final place.
    pub fn finish(self) -> Result<()> {
        check_vacant(&self.place)?;
        fs::rename(self.folder.path(), &self.place).map_err(Error::write(&self.place))?;
        // After the rename there is nothing left to delete.
        let _ = self.folder.keep();
        sync_parent(&self.place)
    }
}

/// The temporary files and folders of this process that are not in their final places yet.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// The number of attempts to delete a folder into which another thread may still be writing.
const REMOVALS: usize = 100;

/// An entry in [`UNFINISHED`], removed when dropped.
#[derive(Debug)]
struct UnfinishedPath(PathBuf);

impl UnfinishedPath {
    /// Creates a temporary file or folder. It is listed before anybody can ask for its removal.
    fn create<T>(
        create: impl FnOnce() -> io::Result<T>,
        path: impl FnOnce(&T) -> &Path,
    ) -> io::Result<(T, Self)> {
        let mut unfinished = lock(&UNFINISHED);
        let created = create().map_err(without_path)?;
        let path = path(&created).to_path_buf();
        unfinished.insert(path.clone());
        Ok((created, Self(path)))
    }
}

/// Removes the temporary path from the text of an error: it means nothing to the user.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    let cause = text.split(" at path ").next().unwrap_or_default();
    io::Error::new(error.kind(), cause.to_owned())
}

impl Drop for UnfinishedPath {
    fn drop(&mut self) {
        lock(&UNFINISHED).remove(&self.0);
    }
}

/// Deletes the temporary files and folders of everything this process is writing. Call it before
/// exiting without unwinding the threads, such as at a second Ctrl-C.
///
/// From then on, threads that begin or finish a file block until the process exits.
pub fn remove_unfinished_files() {
    let unfinished = lock(&UNFINISHED);
    for path in &*unfinished {
        // A thread that is still writing may add a file while the folder is being emptied. Once the
        // folder is gone, it cannot.
        let remove = || {
            if path.is_dir() {
                fs::remove_dir_all(path).is_ok()
            } else {
                fs::remove_file(path).is_ok() || !path.exists()
            }
        };
        (0..REMOVALS).any(|_| remove());
    }
    // The lock is never released: a file that another thread began now would be left behind.
    std::mem::forget(unfinished);
}

/// Refuses a path at which a new folder cannot be created.
pub(crate) fn check_vacant(place: &Path) -> Result<()> {
    if place.symlink_metadata().is_ok() {
        let problem = io::Error::new(io::ErrorKind::AlreadyExists, "it already exists");
        return Err(Error::write(place)(problem));
    }
    let folder = parent(place);
    if place.file_name().is_none() || !folder.is_dir() {
        return Err(Error::write(place)(no_folder(folder)));
    }
    Ok(())
}

fn no_folder(folder: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no folder {}", folder.display()))
}

/// Returns the folder that contains a path.
pub(crate) fn parent(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Flushes a rename to that path to disk, by flushing the parent folder, which stores it.
pub(crate) fn sync_parent(path: &Path) -> Result<()> {
    // A folder may be writable and not readable, and only Unix opens folders as files.
    match fs::File::open(parent(path)) {
        Ok(folder) if cfg!(unix) => folder.sync_all().map_err(Error::write(path)),
        _ => Ok(()),
    }
}

/// Returns the beginning of the temporary name for a final path.
pub(crate) fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{}", &name[..name.floor_char_boundary(KEPT)])
}
