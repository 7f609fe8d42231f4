//! A tree of files to read from: a folder on disk, or an archive held in memory.
//!
//! An archive is never unpacked onto the disk: its regular files are read into one buffer, its
//! links, devices and odd paths are passed over, so that nothing in it can reach outside of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};

/// The most that an archive may unpack to, in bytes; it is held in memory.
const MOST_UNPACKED: u64 = 8 << 30;
/// The deepest folder of an archive that is looked at.
const DEEPEST: usize = 16;

/// A folder within a tree.
#[derive(Debug, Clone)]
pub(crate) enum Folder {
    Disk(PathBuf),
    Archive { place: String, node: Arc<Node> },
}

/// A folder of an archive.
#[derive(Debug, Default)]
pub(crate) struct Node {
    folders: BTreeMap<String, Arc<Node>>,
    files: BTreeMap<String, Content>,
}

/// A file's bytes within the buffer that all files of an archive share.
type Content = (Arc<Vec<u8>>, Range<usize>);

/// A file that can be read.
#[derive(Debug, Clone)]
pub(crate) enum File {
    Disk(PathBuf),
    Archive { place: Arc<str>, name: String, content: Content },
}

impl Folder {
    /// A folder on disk, or the top folder of a `.tgz`, `.tar.gz` or `.tar` file.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::layout(path.display(), "no such folder or archive; check the path")
            }
            _ => Error::read(path)(error),
        })?;
        if metadata.is_dir() {
            return Ok(Self::Disk(path.to_path_buf()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if !(name.ends_with(".tgz") || name.ends_with(".tar.gz") || name.ends_with(".tar")) {
            return Err(Error::layout(
                path.display(),
                "a file where a folder of images, a .tgz or a .tar should be",
            ));
        }
        let file = io::BufReader::new(fs::File::open(path).map_err(Error::read(path))?);
        let place = path.display().to_string();
        if name.ends_with(".tar") {
            Self::read_archive(place, file)
        } else {
            Self::read_archive(place, flate2::bufread::MultiGzDecoder::new(file))
        }
    }

    /// The top folder of a gzipped tar archive in memory; `place` names it in messages.
    pub fn from_tgz(place: &str, bytes: &[u8]) -> Result<Self> {
        Self::read_archive(place.to_owned(), flate2::bufread::MultiGzDecoder::new(bytes))
    }

    fn read_archive(place: String, archive: impl Read) -> Result<Self> {
        let damaged = |error: io::Error| {
            Error::layout(&place, format!("a damaged archive ({error}); fetch it again"))
        };
        let mut bytes = Vec::new();
        let mut found = Vec::new();
        let mut archive = tar::Archive::new(archive.take(MOST_UNPACKED));
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path().map_err(damaged)?;
            let Some(path) = plain_components(&path) else { continue };
            let start = bytes.len();
            entry.read_to_end(&mut bytes).map_err(damaged)?;
            found.push((path, start..bytes.len()));
        }
        // The tar format ends before the gzip stream does, whose checksum stands at its end.
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink()).map_err(damaged)?;
        if rest.limit() == 0 {
            let problem = format!("it unpacks to more than {MOST_UNPACKED} bytes; unpack it first");
            return Err(Error::layout(&place, problem));
        }
        let bytes = Arc::new(bytes);
        let mut top = Node::default();
        for (path, range) in found {
            top.insert(&path, (bytes.clone(), range));
        }
        Ok(Self::Archive { place, node: Arc::new(top) })
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

impl Node {
    fn insert(&mut self, path: &[String], content: Content) {
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

/// The names in a folder on disk that do not start with a dot and are of the wanted kind;
/// links are followed.
fn visible(folder: &Path, wanted: fn(&fs::FileType) -> bool) -> Result<Vec<String>> {
    let failed = Error::read;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let name = entry.file_name().into_string().map_err(|name| {
            Error::layout(folder.join(name).display(), "a name that is not UTF-8; rename it")
        })?;
        if name.starts_with('.') {
            continue;
        }
        // The folder itself tells what a plain entry is; only a link costs a look at its target.
        let mut kind = entry.file_type().map_err(failed(&entry.path()))?;
        if kind.is_symlink() {
            let path = entry.path();
            kind = fs::metadata(&path).map_err(failed(&path))?.file_type();
        }
        if wanted(&kind) {
            names.push(name);
        }
    }
    Ok(names)
}

/// A path's parts, or `None` if one is hidden, not UTF-8, or leads elsewhere, or if there are too
/// many.
fn plain_components(path: &Path) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => {
                let part = part.to_str().filter(|part| !part.starts_with('.'))?;
                parts.push(part.to_owned());
            }
            _ => return None,
        }
    }
    (parts.len() <= DEEPEST).then_some(parts)
}
