//! The folder that holds what was fetched.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::catalog::{DataSet, EMBEDDED, catalog};
use super::place::CachePlace;
use super::place::{Origin, count};
use crate::download::{is_url, shown};
use crate::error::{Error, Remedy, Result};
use crate::files::{atomic, is_hidden};
use crate::vision;

/// A folder of fetched data sets.
///
/// ```
/// use fastburn::datasets::{Cache, Fetch};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let cache = Cache::at(folder)?; // or Cache::open()?, where the platform keeps such things
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
    /// What it is called.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What it came from, or why that cannot be said.
    pub origin: Result<Origin>,
}

impl Cache {
    /// The folder that the environment variable `FASTBURN_HOME` names, or `fastburn` in the
    /// platform's cache folder.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if neither is there.
    pub fn open() -> Result<Self> {
        let given = std::env::var_os("FASTBURN_HOME").filter(|home| *home != OsString::new());
        let home = given.map(PathBuf::from);
        match home.or_else(|| dirs::cache_dir().map(|folder| folder.join("fastburn"))) {
            Some(home) => Self::at(home),
            None => Err(Error::setting(
                "FASTBURN_HOME",
                "not set",
                "the folder for downloaded data sets, as there is no home folder",
            )),
        }
    }

    /// A folder of one's own choice, which need not be there yet.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the path is relative and the current folder is gone.
    pub fn at(home: impl AsRef<Path>) -> Result<Self> {
        let home = home.as_ref();
        Ok(Self { home: std::path::absolute(home).map_err(Error::read(home))? })
    }

    /// The folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// What a name stands for: a data set of the [`catalog`], an `http://` or `https://` url, or one
    /// that was fetched by its url, by the name that it was given.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if it is none of these, [`Error::Setting`] for a url that cannot be
    /// fetched.
    pub fn find(&self, name: &str) -> Result<DataSet> {
        if is_url(name) {
            return DataSet::at(name);
        }
        if let Some(set) = catalog().into_iter().find(|set| set.name == name) {
            return Ok(set);
        }
        let problem = || format!("no data set of that name; there are {}, or give a url", names());
        let unknown = || Error::data(name, problem());
        if DataSet::new(name, EMBEDDED).check().is_err() {
            return Err(unknown());
        }
        let origin = Origin::read(&self.place(name).folder)?.ok_or_else(unknown)?;
        let sha256 = Some(origin.sha256);
        Ok(DataSet { size: Some(origin.bytes), sha256, ..DataSet::new(name, origin.url) })
    }

    /// The folder of a data set, or `None` if it is not here.
    ///
    /// What is here is looked over: it must be from the archive that is asked for, and all of its
    /// files must be there still. A cache folder is what people and programs tidy up.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it is not so, or if the record of its origin cannot be read.
    pub fn path(&self, set: &DataSet) -> Result<Option<PathBuf>> {
        set.check()?;
        let place = self.place(&set.name);
        let Some(origin) = Origin::read(&place.folder)? else { return Ok(None) };
        let refused = |problem: String| {
            let remedy = Remedy::RemoveFromCache(set.name.clone());
            Error::file(place.folder.display(), problem).with_remedy(remedy)
        };
        let differ = |what: &str, found: &str, expected: &str| {
            refused(format!("it came from an archive {what} {found}, but {expected} is wanted"))
        };
        let url = shown(&set.url);
        if origin.url != url {
            return Err(differ("at", &origin.url, &url));
        }
        if let Some(size) = set.size.filter(|&size| size != origin.bytes) {
            return Err(differ("of size", &origin.bytes.to_string(), &size.to_string()));
        }
        if let Some(sha256) = set.sha256.filter(|&sha256| sha256 != origin.sha256) {
            return Err(differ("of SHA-256", &origin.sha256.to_string(), &sha256.to_string()));
        }
        let (files, bytes) = count(&place.data())?;
        if files < origin.files || bytes < origin.unpacked_bytes {
            return Err(refused(format!(
                "{files} files of {bytes} bytes are left of {} of {}",
                origin.files, origin.unpacked_bytes
            )));
        }
        Ok(Some(vision::unwrapped_path(&place.data())))
    }

    /// What is here, in the order of the names.
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
            // No data set is called so; whoever looks into the folder may leave it.
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

    /// Deletes the data set of that name, and what is here of its archive; says whether it was
    /// there.
    ///
    /// The SHA-256 of its archive is kept, and expected of the next one that is fetched.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be deleted, [`Error::Setting`] for a name that cannot be.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let Some(place) = self.begun(name)? else { return Ok(false) };
        let _lock = place.lock(|| {})?;
        place.clear_archive()?;
        place.remove()
    }

    /// Forgets the SHA-256 that was found when the data set of that name was first fetched, so that
    /// another archive at the same url is taken.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn forget(&self, name: &str) -> Result<()> {
        let Some(place) = self.begun(name)? else { return Ok(()) };
        let _lock = place.lock(|| {})?;
        atomic::remove_if_present(&place.checksum())
    }

    /// The place of a data set that somebody at least began to fetch.
    fn begun(&self, name: &str) -> Result<Option<CachePlace>> {
        DataSet::new(name, EMBEDDED).check()?;
        Ok(Some(self.place(name)).filter(CachePlace::is_begun))
    }

    pub(super) fn place(&self, name: &str) -> CachePlace {
        CachePlace::of(&self.home, name)
    }
}

/// The names that there are.
fn names() -> String {
    let names: Vec<_> = catalog().into_iter().map(|set| set.name).collect();
    names.join(", ")
}
