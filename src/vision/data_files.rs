//! The folders and files of a data set: on disk, or in an archive held in memory. Also images that
//! share one file.
//!
//! An archive is not unpacked to disk. Its files are read into one buffer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::{self, ArchiveLimits, Entry, Visit};
use crate::error::{Error, Result};
use crate::files::walk::{self, DiskFile, Ignored};
use crate::printable::shown;

/// The extensions of image files, matched in any case.
pub(super) const IMAGES: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// A folder of a data set.
#[derive(Debug, Clone)]
pub(super) enum DataFolder {
    Disk(PathBuf),
    Archive { place: String, node: Arc<Node> },
}

/// A file of a data set.
#[derive(Debug, Clone)]
pub(super) enum DataFile {
    Disk(DiskFile),
    Archive {
        place: Arc<str>,
        name: String,
        content: Slice,
    },
    /// One of several images in a file that needs no decoding.
    Raw {
        images: Arc<RawImages>,
        index: usize,
    },
}

/// The contents of a folder, except hidden entries. Unusable entries are listed too, so that the
/// caller can continue without them.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The names of the sub-folders, sorted.
    pub folders: Vec<String>,
    /// The files, sorted.
    pub files: Vec<DataFile>,
    /// Entries that are neither, and links that are not followed.
    pub ignored: Vec<Ignored>,
    /// The errors for entries that the operating system or this library refuses.
    pub refused: Vec<Error>,
}

/// A folder of an archive in memory.
#[derive(Debug, Default)]
pub(super) struct Node {
    folders: BTreeMap<String, Arc<Node>>,
    files: BTreeMap<String, Slice>,
}

/// The bytes of a file within the buffer that all files of an archive share.
type Slice = (Arc<Vec<u8>>, Range<usize>);

/// Images of one shape in one buffer, from one file.
#[derive(Debug)]
pub(super) struct RawImages {
    /// The file, as messages name it.
    pub place: String,
    /// `[images, channels, height, width]` in row-major order.
    pub pixels: Vec<u8>,
    /// `[channels, height, width]` of each; none is 0.
    pub shape: [usize; 3],
}

impl DataFolder {
    /// Opens a folder on disk, or the top folder of an archive.
    pub fn open(path: &Path, limits: &ArchiveLimits) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::data(path.display(), "no such folder or archive"),
            _ => Error::read(path)(error),
        })?;
        if metadata.is_dir() {
            return Ok(Self::Disk(path.to_path_buf()));
        }
        let place = path.display().to_string();
        let node = Node::read(|each| archive::walk(path, limits, each))?;
        Ok(Self::Archive { place, node: Arc::new(node) })
    }

    /// Opens the top folder of an archive in memory. `place` stands for it in messages.
    pub fn from_bytes(place: &str, bytes: &[u8], limits: &ArchiveLimits) -> Result<Self> {
        let node = Node::read(|each| archive::walk_bytes(place, bytes, limits, each))?;
        Ok(Self::Archive { place: place.to_owned(), node: Arc::new(node) })
    }

    /// Lists its direct entries.
    pub fn level(&self) -> Contents {
        match self {
            Self::Disk(path) => Contents::of_disk(walk::level(path)),
            Self::Archive { place, node } => Contents {
                folders: node.folders.keys().cloned().collect(),
                files: node.files(&place.as_str().into()).collect(),
                ..Contents::default()
            },
        }
    }

    /// Lists the files in it, at any depth: its direct files sorted by name, then those of each
    /// sub-folder, likewise sorted.
    pub fn tree(&self) -> Contents {
        let (place, node) = match self {
            Self::Disk(path) => return Contents::of_disk(walk::tree(path)),
            Self::Archive { place, node } => (place.as_str().into(), &**node),
        };
        let (mut files, mut ahead) = (Vec::new(), vec![(place, node)]);
        while let Some((place, node)) = ahead.pop() {
            files.extend(node.files(&place));
            let inner = node.folders.iter().rev();
            ahead.extend(inner.map(|(name, node)| (format!("{place}/{name}").into(), &**node)));
        }
        Contents { files, ..Contents::default() }
    }

    /// Returns its only sub-folder, if there are no images beside it.
    pub fn lone(&self) -> Option<Self> {
        let Contents { folders, files, .. } = self.level();
        match folders.as_slice() {
            [only] if !files.iter().any(DataFile::is_image) => Some(self.folder(only)),
            _ => None,
        }
    }

    /// Returns the sub-folder called `name`.
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

impl Contents {
    /// Returns the contents, or the first error among them.
    pub fn whole(mut self) -> Result<Self> {
        if self.refused.is_empty() { Ok(self) } else { Err(self.refused.swap_remove(0)) }
    }

    fn of_disk(found: walk::Walk) -> Self {
        let walk::Walk { folders, files, ignored, mut refused } = found;
        let mut names = Vec::new();
        for path in folders {
            match path.file_name().and_then(OsStr::to_str) {
                Some(name) => names.push(name.to_owned()),
                None => {
                    let problem = "the folder's name is not UTF-8";
                    refused
                        .push(Error::data(shown(&path), problem).with_remedy("rename it".into()));
                }
            }
        }
        let files = files.into_iter().map(DataFile::Disk).collect();
        Self { folders: names, files, ignored, refused }
    }
}

impl DataFile {
    /// Returns its name, if it has one in UTF-8.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Disk(file) => file.name().to_str(),
            Self::Archive { name, .. } => Some(name),
            Self::Raw { .. } => None,
        }
    }

    /// Returns its extension in lower case, empty if it has none.
    pub fn extension(&self) -> String {
        let name = match self {
            Self::Disk(file) => file.name(),
            Self::Archive { name, .. } => OsStr::new(name),
            Self::Raw { .. } => return String::new(),
        };
        Path::new(name).extension().unwrap_or_default().to_string_lossy().to_lowercase()
    }

    /// Returns whether it is an image, by its extension.
    pub fn is_image(&self) -> bool {
        matches!(self, Self::Raw { .. }) || IMAGES.contains(&self.extension().as_str())
    }

    /// Returns the pixels and `[channels, height, width]` of an image that needs no decoding.
    pub fn raw(&self) -> Option<(&[u8], [usize; 3])> {
        match self {
            Self::Raw { images, index } => Some((images.image(*index), images.shape)),
            Self::Disk(_) | Self::Archive { .. } => None,
        }
    }

    /// Reads all bytes.
    pub fn read(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Disk(file) => file.read(None).map(Cow::Owned),
            Self::Archive { content: (bytes, range), .. } => {
                Ok(Cow::Borrowed(&bytes[range.clone()]))
            }
            Self::Raw { images, index } => Ok(Cow::Borrowed(images.image(*index))),
        }
    }

    /// Reads at least the first `bytes` bytes, or all if there are fewer.
    pub fn beginning(&self, bytes: u64) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Disk(file) => file.read(Some(bytes)).map(Cow::Owned),
            Self::Archive { .. } | Self::Raw { .. } => self.read(),
        }
    }
}

impl Node {
    /// Returns the files directly in this folder, which messages call `place`.
    fn files(&self, place: &Arc<str>) -> impl Iterator<Item = DataFile> {
        self.files.iter().map(|(name, content)| DataFile::Archive {
            place: place.clone(),
            name: name.clone(),
            content: content.clone(),
        })
    }

    /// Builds the tree of the files that `walk` visits, except hidden ones.
    fn read(walk: impl FnOnce(&mut Visit<'_>) -> Result<()>) -> Result<Self> {
        let (mut bytes, mut found) = (Vec::new(), Vec::new());
        walk(&mut |entry: Entry<'_>| {
            if entry.is_hidden() {
                return Ok(());
            }
            let start = bytes.len();
            let read = entry.content.read_to_end(&mut bytes);
            read.map_err(|error| entry.unreadable(&error))?;
            found.push((entry.path, start..bytes.len()));
            Ok(())
        })?;
        let bytes = Arc::new(bytes);
        let mut top = Self::default();
        for (path, range) in found {
            top.insert(&path, (bytes.clone(), range));
        }
        Ok(top)
    }

    fn insert(&mut self, path: &[String], content: Slice) {
        match path {
            [] => {}
            [file] => {
                self.files.insert(file.clone(), content);
            }
            [folder, rest @ ..] => {
                let folder = self.folders.entry(folder.clone()).or_default();
                // No other handle exists while the tree is being built.
                if let Some(folder) = Arc::get_mut(folder) {
                    folder.insert(rest, content);
                }
            }
        }
    }
}

impl RawImages {
    fn image(&self, index: usize) -> &[u8] {
        let size: usize = self.shape.iter().product();
        &self.pixels[index * size..][..size]
    }
}

impl std::fmt::Display for DataFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(path) => shown(path).fmt(f),
            Self::Archive { place, .. } => f.write_str(place),
        }
    }
}

impl std::fmt::Display for DataFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(file) => shown(&file.path()).fmt(f),
            Self::Archive { place, name, .. } => write!(f, "{place}/{name}"),
            Self::Raw { images, index } => write!(f, "{}[{index}]", images.place),
        }
    }
}
