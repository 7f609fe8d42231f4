//! The cache folder of downloaded data sets.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::cache_place::CachePlace;
use super::cache_place::{Origin, count};
use super::catalog::{DataSet, EMBEDDED, catalog};
use crate::download::{is_url, without_credentials};
use crate::error::{Error, Remedy, Result};
use crate::files::{atomic, is_hidden};
use crate::vision;

/// A folder of downloaded data sets.
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

/// A data set in a cache.
#[derive(Debug)]
#[non_exhaustive]
pub struct CachedDataSet {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The archive that it came from, or why the record of it cannot be read.
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
        if DataSet::new(name, EMBEDDED).check().is_err() {
            return Err(unknown());
        }
        let origin = Origin::read(&self.place(name).folder)?.ok_or_else(unknown)?;
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
        set.check()?;
        let place = self.place(&set.name);
        let Some(origin) = Origin::read(&place.folder)? else { return Ok(None) };
        let refused = |problem: String| {
            let remedy = Remedy::RemoveFromCache(set.name.clone());
            Error::file(place.folder.display(), problem).with_remedy(remedy)
        };
        let differs = |what: &str, found: &str, expected: &str| {
            refused(format!("unpacked from an archive {what} {found}, expected {expected}"))
        };
        let url = without_credentials(&set.url);
        if origin.url != url {
            return Err(differs("at", &origin.url, &url));
        }
        if let Some(size) = set.size.filter(|&size| size != origin.bytes) {
            return Err(differs("of size", &origin.bytes.to_string(), &size.to_string()));
        }
        if let Some(sha256) = set.sha256.filter(|&sha256| sha256 != origin.sha256) {
            return Err(differs("with SHA-256", &origin.sha256.to_string(), &sha256.to_string()));
        }
        let (files, bytes) = count(&place.data())?;
        if files < origin.files || bytes < origin.unpacked_bytes {
            return Err(refused(format!(
                "incomplete: {files} files of {bytes} bytes, expected {} files of {} bytes",
                origin.files, origin.unpacked_bytes
            )));
        }
        Ok(Some(vision::unwrapped_path(&place.data())))
    }

    /// Lists the data sets in the cache, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<CachedDataSet>> {
        let folder = self.home.join("datasets");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::read(&folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::read(&folder))?.path();
            let name = path.file_name().unwrap_or_default();
            // File managers leave hidden files. No data set has a name that begins with a dot.
            if is_hidden(name) {
                continue;
            }
            let name = name.to_string_lossy().into_owned();
            let Some(origin) = Origin::read(&path).transpose() else { continue };
            found.push(CachedDataSet { name, folder: path, origin });
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
        let Some(place) = self.existing_place(name)? else { return Ok(false) };
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
        let Some(place) = self.existing_place(name)? else { return Ok(()) };
        let _lock = place.lock(|| {})?;
        atomic::remove_if_present(&place.checksum())
    }

    /// Returns the place of a data set, or `None` if its download was never started.
    fn existing_place(&self, name: &str) -> Result<Option<CachePlace>> {
        DataSet::new(name, EMBEDDED).check()?;
        Ok(Some(self.place(name)).filter(CachePlace::is_begun))
    }

    pub(super) fn place(&self, name: &str) -> CachePlace {
        CachePlace::of(&self.home, name)
    }
}

/// Returns the names in the catalog, separated by commas.
fn names() -> String {
    let names: Vec<_> = catalog().into_iter().map(|set| set.name).collect();
    names.join(", ")
}
