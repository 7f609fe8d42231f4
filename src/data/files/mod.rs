//! A tree of files to read from: a folder on disk, or an archive held in memory. And images that
//! have no file each.
//!
//! An archive is not unpacked onto the disk: its files are read into one buffer.

mod archived;
mod disk;
mod raw;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::archived::{Content, Node};
use self::disk::DiskFile;
pub(super) use self::raw::RawImages;
use crate::archive::{self, ArchiveLimits};
use crate::error::{Error, Result, shown};

/// The endings of notes: files about the data, which are passed over where images are expected.
const NOTES: [&str; 4] = ["csv", "txt", "md", "json"];

/// A folder within a tree.
#[derive(Debug, Clone)]
pub(crate) enum Folder {
    Disk(PathBuf),
    Archive { place: String, node: Arc<Node> },
}

/// A file that can be read.
#[derive(Debug, Clone)]
pub(crate) enum File {
    Disk(DiskFile),
    Archive { place: Arc<str>, name: String, content: Content },
    Raw { images: Arc<RawImages>, index: usize },
}

/// What is found in a folder, but for what is hidden. What cannot be used is told, so that one may
/// go on without it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The names of its sub-folders, in order.
    pub folders: Vec<String>,
    /// Its files, in order.
    pub files: Vec<File>,
    /// What is neither of these.
    pub passed_over: Vec<PassedOver>,
    /// What the operating system, or this library, refuses.
    pub refused: Vec<Error>,
}

/// What is in a folder and is not followed.
#[derive(Debug)]
pub(crate) struct PassedOver {
    pub path: String,
    pub reason: &'static str,
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

    /// What lies directly in it.
    pub fn level(&self) -> Found {
        match self {
            Self::Disk(path) => disk::level(path),
            Self::Archive { place, node } => Found {
                folders: node.folders.keys().cloned().collect(),
                files: node.files(&place.as_str().into()).collect(),
                ..Found::default()
            },
        }
    }

    /// The files in it and below it, at any depth: its own in the order of their names, then those
    /// of its sub-folders in the order of theirs.
    pub fn tree(&self) -> Found {
        let (place, node) = match self {
            Self::Disk(path) => return disk::tree(path),
            Self::Archive { place, node } => (place.as_str().into(), &**node),
        };
        let (mut files, mut ahead) = (Vec::new(), vec![(place, node)]);
        while let Some((place, node)) = ahead.pop() {
            files.extend(node.files(&place));
            let inner = node.folders.iter().rev();
            ahead.extend(inner.map(|(name, node)| (format!("{place}/{name}").into(), &**node)));
        }
        Found { files, ..Found::default() }
    }

    /// Its only sub-folder, if nothing but notes is beside it.
    pub fn lone(&self) -> Option<Self> {
        let Found { folders, files, .. } = self.level();
        match folders.as_slice() {
            [only] if files.iter().all(File::is_note) => Some(self.folder(only)),
            _ => None,
        }
    }

    /// A sub-folder of those that are [directly in it](Self::level).
    pub fn folder(&self, name: &str) -> Self {
        match self {
            Self::Disk(path) => Self::Disk(path.join(name)),
            Self::Archive { place, node } => Self::Archive {
                place: format!("{place}/{name}"),
                node: node.folders.get(name).cloned().unwrap_or_default(),
            },
        }
    }
}

impl Found {
    /// All of it, or the first that was refused.
    pub fn whole(mut self) -> Result<Self> {
        match self.refused.is_empty() {
            true => Ok(self),
            false => Err(self.refused.swap_remove(0)),
        }
    }
}

impl File {
    /// Its own name, if it has one that is UTF-8.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Disk(file) => file.name().to_str(),
            Self::Archive { name, .. } => Some(name),
            Self::Raw { .. } => None,
        }
    }

    /// The pixels of an image that needs no decoding, and its `[channels, height, width]`.
    pub fn raw(&self) -> Option<(&[u8], [usize; 3])> {
        match self {
            Self::Raw { images, index } => Some((images.image(*index), images.shape)),
            Self::Disk(_) | Self::Archive { .. } => None,
        }
    }

    /// The whole content.
    pub fn read(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Disk(file) => file.read(None).map(Cow::Owned),
            Self::Archive { content: (bytes, range), .. } => {
                Ok(Cow::Borrowed(&bytes[range.clone()]))
            }
            Self::Raw { images, index } => Ok(Cow::Borrowed(images.image(*index))),
        }
    }

    /// At most that many bytes of the content.
    pub fn beginning(&self, bytes: u64) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Disk(file) => file.read(Some(bytes)).map(Cow::Owned),
            Self::Archive { .. } | Self::Raw { .. } => self.read(),
        }
    }

    /// Whether its name says that it is about the data, as `labels.csv`, and no part of it.
    pub fn is_note(&self) -> bool {
        let name = match self {
            Self::Disk(file) => file.name(),
            Self::Archive { name, .. } => OsStr::new(name),
            Self::Raw { .. } => return false,
        };
        let ending = Path::new(name).extension();
        ending.is_some_and(|ending| NOTES.iter().any(|note| ending.eq_ignore_ascii_case(note)))
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(path) => shown(path).fmt(f),
            Self::Archive { place, .. } => f.write_str(place),
        }
    }
}

impl std::fmt::Display for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(file) => shown(&file.path()).fmt(f),
            Self::Archive { place, name, .. } => write!(f, "{place}/{name}"),
            Self::Raw { images, index } => write!(f, "{}[{index}]", images.place),
        }
    }
}
