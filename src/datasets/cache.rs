//! The cache folder of downloaded data sets and weights.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::cache_item::{CacheItem, check_name};
use super::cache_place::{CachePlace, Origin, Shelf, count};
use super::catalog::{DataSet, catalog};
use super::weights_file::WeightsFile;
use crate::download::is_url;
use crate::error::{Error, Result};
use crate::files::{atomic, is_hidden};
use crate::vision;

/// A folder of downloaded data sets and pretrained weights.
///
/// ```
/// use fastburn::datasets::{Cache, Fetch};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let cache = Cache::in_folder(folder)?; // or Cache::open()?, in the platform's cache folder
/// let digits = cache.find("digits")?;
/// assert!(cache.path(&digits)?.is_none());
///
/// let path = Fetch::new(cache.clone()).get(&digits)?;
/// assert_eq!(cache.path(&digits)?, Some(path));
/// assert_eq!(cache.list()?[0].name, "digits");
/// assert!(cache.remove("digits")?);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    home: PathBuf,
}

/// A data set or a file of weights in a cache.
#[derive(Debug)]
#[non_exhaustive]
pub struct CacheEntry {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The download that it came from, or why the record of it cannot be read.
    pub origin: Result<Origin>,
}

impl Cache {
    /// Opens the folder in the environment variable `FASTBURN_HOME`, or `fastburn` in the
    /// platform's cache folder.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the variable is not set and the platform has no cache folder.
    pub fn open() -> Result<Self> {
        let variable = std::env::var_os("FASTBURN_HOME").filter(|home| *home != OsString::new());
        let home = variable.map(PathBuf::from);
        match home.or_else(|| dirs::cache_dir().map(|folder| folder.join("fastburn"))) {
            Some(home) => Self::in_folder(home),
            None => Err(Error::setting(
                "FASTBURN_HOME",
                "(not set)",
                "a folder for downloaded data sets, since the platform has no cache folder",
            )),
        }
    }

    /// Opens a cache in the given folder, which need not exist yet.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the path is relative and the current folder no longer exists.
    pub fn in_folder(home: impl AsRef<Path>) -> Result<Self> {
        let home = home.as_ref();
        Ok(Self { home: std::path::absolute(home).map_err(Error::read(home))? })
    }

    /// Returns the cache folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Finds a data set by its name in the [`catalog`], by its `http://` or `https://` URL, or by
    /// its name in the cache if it was downloaded by URL before.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such data set, [`Error::Setting`] for an invalid URL.
    pub fn find(&self, name: &str) -> Result<DataSet> {
        if is_url(name) {
            return DataSet::from_url(name);
        }
        if let Some(set) = catalog().into_iter().find(|set| set.name == name) {
            return Ok(set);
        }
        let problem = || format!("unknown data set, expected {} or a URL", names());
        let unknown = || Error::data(name, problem());
        if check_name("data set name", name).is_err() {
            return Err(unknown());
        }
        let origin =
            Origin::read(&self.place(Shelf::DataSets, name).folder)?.ok_or_else(unknown)?;
        let sha256 = Some(origin.sha256);
        Ok(DataSet { size: Some(origin.bytes), sha256, ..DataSet::new(name, origin.url) })
    }

    /// Returns the folder of a data set, or `None` if it is not in the cache.
    ///
    /// The cached files are checked: they must come from the requested archive, and none may be
    /// missing, since people and programs clean up cache folders.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a check fails or the record of the origin is damaged.
    pub fn path(&self, set: &DataSet) -> Result<Option<PathBuf>> {
        let place = self.whole(&set.item())?;
        Ok(place.map(|place| vision::unwrapped_path(&place.data())))
    }

    /// Returns a file of pretrained weights, or `None` if it is not in the cache.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the cached file is another one, is incomplete, or its record is damaged.
    pub fn weights_path(&self, file: &WeightsFile) -> Result<Option<PathBuf>> {
        let place = self.whole(&file.item())?;
        Ok(place.map(|place| place.data().join(&file.file_name)))
    }

    /// Returns the place of an item that is in the cache, or `None` if it is not.
    ///
    /// A known SHA-256 identifies it, wherever it came from. Otherwise the URL must be the same.
    pub(super) fn whole(&self, item: &CacheItem<'_>) -> Result<Option<CachePlace>> {
        item.check()?;
        let place = self.place(item.shelf(), item.name);
        let Some(origin) = Origin::read(&place.folder)? else { return Ok(None) };
        let refused = |problem: String| {
            Error::file(place.folder.display(), problem).with_remedy(item.removal())
        };
        let differs = |what: &str, found: &str, expected: &str| {
            refused(format!("{} {what} {found}, expected {expected}", item.origin_in_words()))
        };
        let url = item.shown_url();
        match &item.sha256 {
            None if origin.url != url => return Err(differs("at", &origin.url, &url)),
            Some(sha256) if !sha256.matches(&origin.sha256) => {
                let found = origin.sha256.to_string();
                return Err(differs("with SHA-256", &found, &sha256.to_string()));
            }
            _ => {}
        }
        if let Some(size) = item.size.filter(|&size| size != origin.bytes) {
            return Err(differs("of size", &origin.bytes.to_string(), &size.to_string()));
        }
        let (files, bytes) = count(&place.data())?;
        if files < origin.files || bytes < origin.unpacked_bytes {
            return Err(refused(format!(
                "incomplete: {files} files of {bytes} bytes, expected {} files of {} bytes",
                origin.files, origin.unpacked_bytes
            )));
        }
        Ok(Some(place))
    }

    /// Lists the data sets in the cache, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<CacheEntry>> {
        self.entries(Shelf::DataSets)
    }

    /// Lists the files of pretrained weights in the cache, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the folder cannot be read.
    pub fn list_weights(&self) -> Result<Vec<CacheEntry>> {
        self.entries(Shelf::Weights)
    }

    fn entries(&self, shelf: Shelf) -> Result<Vec<CacheEntry>> {
        let folder = shelf.folder(&self.home);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::read(&folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::read(&folder))?.path();
            let name = path.file_name().unwrap_or_default();
            // File managers leave hidden files. No name in the cache begins with a dot.
            if is_hidden(name) {
                continue;
            }
            let name = name.to_string_lossy().into_owned();
            let Some(origin) = Origin::read(&path).transpose() else { continue };
            found.push(CacheEntry { name, folder: path, origin });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Deletes the data set of that name and any partly downloaded archive of it. Returns whether
    /// the data set was in the cache.
    ///
    /// The SHA-256 of the archive is kept. The next download must match it.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be deleted, [`Error::Setting`] for an invalid name.
    pub fn remove(&self, name: &str) -> Result<bool> {
        self.remove_from(Shelf::DataSets, name)
    }

    /// Deletes the pretrained weights of that name and any partial download of them. Returns
    /// whether they were in the cache.
    ///
    /// # Errors
    ///
    /// Those of [`remove`](Self::remove).
    pub fn remove_weights(&self, name: &str) -> Result<bool> {
        self.remove_from(Shelf::Weights, name)
    }

    fn remove_from(&self, shelf: Shelf, name: &str) -> Result<bool> {
        let Some(place) = self.existing_place(shelf, name)? else { return Ok(false) };
        let _lock = place.lock(|| {})?;
        place.clear_archive()?;
        place.remove()
    }

    /// Forgets the SHA-256 recorded when the data set of that name was first downloaded. Another
    /// archive at the same URL is then accepted.
    ///
    /// # Errors
    ///
    /// Those of [`remove`](Self::remove).
    pub fn forget(&self, name: &str) -> Result<()> {
        self.forget_in(Shelf::DataSets, name)
    }

    /// Forgets the SHA-256 recorded when the weights of that name were first downloaded. Another
    /// file at the same URL is then accepted, unless its checksum is known from elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [`remove`](Self::remove).
    pub fn forget_weights(&self, name: &str) -> Result<()> {
        self.forget_in(Shelf::Weights, name)
    }

    fn forget_in(&self, shelf: Shelf, name: &str) -> Result<()> {
        let Some(place) = self.existing_place(shelf, name)? else { return Ok(()) };
        let _lock = place.lock(|| {})?;
        atomic::remove_if_present(&place.checksum())
    }

    /// Returns the place of a name, or `None` if its download was never started.
    fn existing_place(&self, shelf: Shelf, name: &str) -> Result<Option<CachePlace>> {
        check_name("name in the cache", name)?;
        Ok(Some(self.place(shelf, name)).filter(CachePlace::is_begun))
    }

    pub(super) fn place(&self, shelf: Shelf, name: &str) -> CachePlace {
        CachePlace::of(&self.home, shelf, name)
    }
}

/// Returns the names in the catalog, separated by commas.
fn names() -> String {
    let names: Vec<_> = catalog().into_iter().map(|set| set.name).collect();
    names.join(", ")
}
