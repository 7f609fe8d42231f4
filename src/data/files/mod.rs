//! A tree of files to read from: a folder on disk, or an archive held in memory.
//!
//! An archive is not unpacked onto the disk: its files are read into one buffer.

mod archived;
mod disk;

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::archived::{Content, Node};
use self::disk::visible;
use crate::archive::{self, ArchiveLimits};
use crate::error::{Error, Result};

/// A folder within a tree.
#[derive(Debug, Clone)]
pub(crate) enum Folder {
    Disk(PathBuf),
    Archive { place: String, node: Arc<Node> },
}

/// A file that can be read.
#[derive(Debug, Clone)]
pub(crate) enum File {
    Disk(PathBuf),
    Archive { place: Arc<str>, name: String, content: Content },
}

impl Folder {
    /// A folder on disk, or the top folder of an archive.
    pub fn open(path: &Path, limits: &ArchiveLimits) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::layout(path.display(), "no such folder or archive; check the path")
            }
            _ => Error::read(path)(error),
        })?;
        if metadata.is_dir() {
            return Ok(Self::Disk(path.to_path_buf()));
        }
        let place = path.display().to_string();
        let node = Node::read(|each| archive::walk(path, limits, each))?;
        Ok(Self::Archive { place, node: Arc::new(node) })
    }

    /// The top folder of an archive in memory; `place` names it in messages.
    pub fn from_bytes(place: &str, bytes: &[u8], limits: &ArchiveLimits) -> Result<Self> {
        let node = Node::read(|each| archive::walk_bytes(place, bytes, limits, each))?;
        Ok(Self::Archive { place: place.to_owned(), node: Arc::new(node) })
    }

    /// The folder that an archive has around everything, as `mnist_png/` in `mnist_png.tgz`:
    /// its name, and the folder.
    pub(super) fn wrapper(&self) -> Option<(String, Self)> {
        let Self::Archive { node, .. } = self else { return None };
        let (name, inner) = node.folders.first_key_value()?;
        let only = node.folders.len() == 1 && node.files.is_empty();
        (only && !inner.folders.is_empty()).then(|| (name.clone(), self.folder(name)))
    }

    /// Its sub-folders' names, but for hidden ones.
    pub fn folders(&self) -> Result<Vec<String>> {
        match self {
            Self::Disk(path) => visible(path, fs::FileType::is_dir),
            Self::Archive { node, .. } => Ok(node.folders.keys().cloned().collect()),
        }
    }

    /// A sub-folder that [`folders`](Self::folders) named.
    pub fn folder(&self, name: &str) -> Self {
        match self {
            Self::Disk(path) => Self::Disk(path.join(name)),
            Self::Archive { place, node } => Self::Archive {
                place: format!("{place}/{name}"),
                node: node.folders.get(name).cloned().unwrap_or_default(),
            },
        }
    }

    /// Its files in the order of their names, but for hidden ones.
    pub fn files(&self) -> Result<Vec<File>> {
        match self {
            Self::Disk(path) => {
                let mut names = visible(path, fs::FileType::is_file)?;
                names.sort_unstable();
                Ok(names.into_iter().map(|name| File::Disk(path.join(name))).collect())
            }
            Self::Archive { place, node } => {
                let place: Arc<str> = place.as_str().into();
                let files = node.files.iter().map(|(name, content)| File::Archive {
                    place: place.clone(),
                    name: name.clone(),
                    content: content.clone(),
                });
                Ok(files.collect())
            }
        }
    }
}

impl File {
    /// The whole content.
    pub fn read(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Disk(path) => fs::read(path).map(Cow::Owned).map_err(Error::read(path)),
            Self::Archive { content: (bytes, range), .. } => {
                Ok(Cow::Borrowed(&bytes[range.clone()]))
            }
        }
    }

    /// At most that many bytes of the content.
    pub fn beginning(&self, bytes: u64) -> Result<Cow<'_, [u8]>> {
        let Self::Disk(path) = self else { return self.read() };
        let mut content = Vec::new();
        let read = fs::File::open(path).and_then(|file| file.take(bytes).read_to_end(&mut content));
        read.map_err(Error::read(path))?;
        Ok(Cow::Owned(content))
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(path) => path.display().fmt(f),
            Self::Archive { place, .. } => f.write_str(place),
        }
    }
}

impl std::fmt::Display for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(path) => path.display().fmt(f),
            Self::Archive { place, name, .. } => write!(f, "{place}/{name}"),
        }
    }
}
