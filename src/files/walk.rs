//! Listings of folders on disk.
//!
//! Links are followed, and each folder is listed once however many links lead to it, so that cycles
//! end. Only links need a look-up of the file itself. A name is stored without the path of its
//! folder, which all files of the folder share: a million names take 165 MB.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::printable::shown;

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 30;
/// What operating systems leave in folders, besides names that begin with a dot.
const LEFT_BEHIND: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];

/// Returns whether a file or folder of that name is not part of the data, on disk or in an archive.
pub(crate) fn is_hidden(name: impl AsRef<OsStr>) -> bool {
    let name = name.as_ref();
    name.as_encoded_bytes().starts_with(b".") || LEFT_BEHIND.iter().any(|left| name == *left)
}

/// A file on disk.
#[derive(Debug, Clone)]
pub(crate) struct DiskFile {
    folder: Arc<Path>,
    name: Box<OsStr>,
}

/// The result of a walk, without hidden entries. Unusable entries are listed, so that the caller
/// may continue without them.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Sub-folders, sorted by name.
    pub folders: Vec<PathBuf>,
    /// Files, in order.
    pub files: Vec<DiskFile>,
    /// Entries that are neither, and links that are not followed.
    pub ignored: Vec<Ignored>,
    /// Errors of the operating system.
    pub refused: Vec<Error>,
}

/// An entry that was passed over, and why.
#[derive(Debug)]
pub(crate) struct Ignored {
    pub path: String,
    pub reason: &'static str,
}

impl DiskFile {
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.name)
    }

    /// Reads the content, or its first `at_most` bytes.
    pub fn read(&self, at_most: Option<u64>) -> Result<Vec<u8>> {
        let read = || {
            let file = fs::File::open(self.path())?;
            let length = file.metadata()?.len();
            if at_most.is_none() && length > LARGEST_FILE {
                let problem = format!("{length} bytes, expected at most {LARGEST_FILE}");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
            }
            let wanted = at_most.unwrap_or(LARGEST_FILE);
            // One byte more than the file has, so that reading its end does not grow the buffer.
            let mut content = Vec::with_capacity(length.min(wanted) as usize + 1);
            file.take(wanted).read_to_end(&mut content)?;
            Ok(content)
        };
        read().map_err(|error| Error::read(&self.path())(error))
    }
}

/// Lists the direct contents of a folder.
pub(crate) fn level(folder: &Path) -> Walk {
    let mut found = Walk::default();
    let inner = ResolvedFolder::of(folder, &mut found).map(|place| place.entries(&[], &mut found));
    found.folders = inner.into_iter().flatten().map(|place| place.path).collect();
    found
}

/// Lists the files in a folder and below it: its own sorted by name, then those of its sub-folders,
/// which are also sorted by name.
pub(crate) fn tree(top: &Path) -> Walk {
    let mut found = Walk::default();
    let Some(place) = ResolvedFolder::of(top, &mut found) else { return found };
    // If the path of the folder is itself a link, the folders around that link are around it too.
    let parent = top.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = fs::canonicalize(parent.unwrap_or(Path::new(".")));
    let around: Vec<_> = parent.into_iter().chain([place.real.clone()]).collect();

    let mut listed = HashSet::new();
    let mut ahead = vec![place];
    while let Some(place) = ahead.pop() {
        if listed.insert(place.real.clone()) {
            ahead.extend(place.entries(&around, &mut found).into_iter().rev());
        } else {
            found.pass_over(&place.path, "a folder already listed under another name");
        }
    }
    found
}

/// A folder under its own path, and its real path with all links resolved.
struct ResolvedFolder {
    path: PathBuf,
    real: PathBuf,
}

impl ResolvedFolder {
    fn of(path: &Path, found: &mut Walk) -> Option<Self> {
        match fs::canonicalize(path) {
            Ok(real) => Some(Self { path: path.to_path_buf(), real }),
            Err(error) => {
                found.refused.push(Error::read(path)(error));
                None
            }
        }
    }

    /// Adds the folder's files to `found` and returns its sub-folders, both sorted by name.
    ///
    /// A link to a folder that contains this one or one of those `around` is passed over.
    fn entries(&self, around: &[PathBuf], found: &mut Walk) -> Vec<Self> {
        let (folder, mut inner): (Arc<Path>, _) = (self.path.as_path().into(), Vec::new());
        for (name, kind) in self.names(found) {
            // The folder's listing has the type of an entry; only links need a look-up.
            if kind.is_file() {
                let name = name.into_boxed_os_str();
                found.files.push(DiskFile { folder: folder.clone(), name });
                continue;
            }
            let path = self.path.join(&name);
            if kind.is_dir() {
                inner.push(Self { path, real: self.real.join(&name) });
                continue;
            }
            match fs::metadata(&path) {
                Err(error) => found.refused.push(Error::read(&path)(error)),
                Ok(target) if target.is_file() => {
                    let name = name.into_boxed_os_str();
                    found.files.push(DiskFile { folder: folder.clone(), name });
                }
                Ok(target) if target.is_dir() => {
                    let Some(linked) = Self::of(&path, found) else { continue };
                    let leads_back = |from: &PathBuf| from.starts_with(&linked.real);
                    if leads_back(&self.real) || around.iter().any(leads_back) {
                        found.pass_over(&path, "a link to a folder that contains it");
                    } else {
                        inner.push(linked);
                    }
                }
                Ok(_) => found.pass_over(&path, "neither a file nor a folder"),
            }
        }
        inner
    }

    /// Returns the names of entries that are not hidden, sorted, with the type of each.
    fn names(&self, found: &mut Walk) -> Vec<(OsString, fs::FileType)> {
        let mut names = Vec::new();
        let read = fs::read_dir(&self.path).and_then(|entries| {
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                if !is_hidden(&name) {
                    names.push((name, entry.file_type()?));
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            found.refused.push(Error::read(&self.path)(error));
        }
        names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        names
    }
}

impl Walk {
    /// Returns the walk, or its first error.
    #[cfg(feature = "download")]
    pub fn whole(mut self) -> Result<Self> {
        if self.refused.is_empty() { Ok(self) } else { Err(self.refused.swap_remove(0)) }
    }

    fn pass_over(&mut self, path: &Path, reason: &'static str) {
        self.ignored.push(Ignored { path: shown(path).into_owned(), reason });
    }
}
