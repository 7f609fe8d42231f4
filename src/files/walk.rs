//! What is in a folder on disk.
//!
//! Links are followed, and a folder is listed once however many lead to it, so that links in loops
//! end. An entry that is no link costs no look at the file itself, and a name is held without its
//! folder's path, which all files of the folder share: a million names take 165 MB.

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
/// What operating systems leave in folders, beside names that begin with a dot.
const LEFT_BEHIND: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];

/// Whether a file or folder of that name is no part of the data, on disk as in an archive.
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

/// What a walk found, but for what is hidden. What cannot be used is listed, so that the caller may
/// go on without it.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Sub-folders, in the order of their names.
    pub folders: Vec<PathBuf>,
    /// Files, in order.
    pub files: Vec<DiskFile>,
    /// Entries that are neither, and links that are not followed.
    pub passed_over: Vec<PassedOver>,
    /// What the operating system refused.
    pub refused: Vec<Error>,
}

/// An entry that is not followed, and why.
#[derive(Debug)]
pub(crate) struct PassedOver {
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

    /// The content, or its first `at_most` bytes.
    pub fn read(&self, at_most: Option<u64>) -> Result<Vec<u8>> {
        let read = || {
            let file = fs::File::open(self.path())?;
            let length = file.metadata()?.len();
            if at_most.is_none() && length > LARGEST_FILE {
                let problem = format!("{length} bytes; at most {LARGEST_FILE} are read");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
            }
            let wanted = at_most.unwrap_or(LARGEST_FILE);
            // One byte more than there is, so that the end is seen without a larger buffer.
            let mut content = Vec::with_capacity(length.min(wanted) as usize + 1);
            file.take(wanted).read_to_end(&mut content)?;
            Ok(content)
        };
        read().map_err(|error| Error::read(&self.path())(error))
    }
}

/// Lists what lies directly in a folder.
pub(crate) fn level(folder: &Path) -> Walk {
    let mut found = Walk::default();
    let inner = ResolvedFolder::of(folder, &mut found).map(|place| place.entries(&[], &mut found));
    found.folders = inner.into_iter().flatten().map(|place| place.path).collect();
    found
}

/// Lists the files in a folder and below it: its own in the order of their names, then those of its
/// sub-folders in the order of theirs.
pub(crate) fn tree(top: &Path) -> Walk {
    let mut found = Walk::default();
    let Some(place) = ResolvedFolder::of(top, &mut found) else { return found };
    // If the folder is itself reached by a link, what is around the link is around it too.
    let parent = top.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = fs::canonicalize(parent.unwrap_or(Path::new(".")));
    let around: Vec<_> = parent.into_iter().chain([place.real.clone()]).collect();

    let mut listed = HashSet::new();
    let mut ahead = vec![place];
    while let Some(place) = ahead.pop() {
        if listed.insert(place.real.clone()) {
            ahead.extend(place.entries(&around, &mut found).into_iter().rev());
        } else {
            found.pass_over(&place.path, "a folder that was listed before, under another name");
        }
    }
    found
}

/// A folder as it is called, and where it is once all links are followed.
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

    /// Adds the folder's files, and returns its sub-folders, each in the order of their names.
    ///
    /// A link to a folder that has this one in it, or one of those `around`, is passed over.
    fn entries(&self, around: &[PathBuf], found: &mut Walk) -> Vec<Self> {
        let (folder, mut inner): (Arc<Path>, _) = (self.path.as_path().into(), Vec::new());
        for (name, kind) in self.names(found) {
            // The folder itself tells what an entry is; only a link costs a look at its target.
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
                        found.pass_over(&path, "a link back to a folder that it is in");
                    } else {
                        inner.push(linked);
                    }
                }
                Ok(_) => found.pass_over(&path, "neither a file nor a folder"),
            }
        }
        inner
    }

    /// The names of what is not hidden, in order, and what each is.
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
    /// Returns all of it, or the first refusal.
    #[cfg(feature = "download")]
    pub fn whole(mut self) -> Result<Self> {
        if self.refused.is_empty() { Ok(self) } else { Err(self.refused.swap_remove(0)) }
    }

    fn pass_over(&mut self, path: &Path, reason: &'static str) {
        self.passed_over.push(PassedOver { path: shown(path).into_owned(), reason });
    }
}
