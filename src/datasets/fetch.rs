//! From a url to a folder in the cache.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::addresses::shown;
use super::attempt::Wanted;
use super::cache::Cache;
use super::catalog::DataSet;
use super::checksums::{Sha256, md5_first_mib, sha256};
use super::client::Timeouts;
use super::download::{Retries, download};
use super::origin::Origin;
use super::part::Part;
use super::place::Place;
use super::progress::Progress;
use crate::archive::{self, ArchiveLimits};
use crate::error::{Error, Result};
use crate::whole_file;

/// How data sets are fetched into a cache.
///
/// ```no_run
/// use std::time::Duration;
///
/// use fastburn::datasets::{Cache, DataSet, Fetch, Progress};
///
/// let photos = DataSet::at("https://example.com/photos.tgz")?;
/// let folder = Fetch::new(Cache::open()?)
///     .silence(Duration::from_secs(10))
///     .progress(|progress| {
///         if let Progress::Downloading { bytes, total: Some(total) } = progress {
///             println!("{bytes} of {total} bytes");
///         }
///     })
///     .get(&photos)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
pub struct Fetch<'a> {
    cache: Cache,
    limits: ArchiveLimits,
    timeouts: Timeouts,
    retries: Retries,
    tell: Box<dyn Fn(Progress<'_>) + 'a>,
}

/// The SHA-256 that was found when an archive was first fetched.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    url: String,
    sha256: Sha256,
}

impl<'a> Fetch<'a> {
    /// Ten seconds for a connection, thirty for the next byte, five retries, the first after half a
    /// second; and the default limits.
    pub fn new(cache: Cache) -> Self {
        Self {
            cache,
            limits: ArchiveLimits::default(),
            timeouts: Timeouts {
                connect: Duration::from_secs(10),
                silence: Duration::from_secs(30),
            },
            retries: Retries { times: 5, first: Duration::from_millis(500) },
            tell: Box::new(|_| {}),
        }
    }

    /// Other limits of what an archive may hold; neither may the archive itself be larger.
    pub fn archive_limits(mut self, limits: ArchiveLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a connection may take.
    pub fn connect(mut self, time: Duration) -> Self {
        self.timeouts.connect = time;
        self
    }

    /// How long a server may send nothing. There is no limit to the whole time: what is slow but
    /// moves goes on.
    pub fn silence(mut self, time: Duration) -> Self {
        self.timeouts.silence = time;
        self
    }

    /// How often in a row what failed is tried again without one byte more, and after which time
    /// first; each wait is twice as long as the one before, and none longer than half a minute.
    pub fn retries(mut self, times: u32, first: Duration) -> Self {
        self.retries = Retries { times, first };
        self
    }

    /// Tells how far it is.
    pub fn progress(mut self, tell: impl Fn(Progress<'_>) + 'a) -> Self {
        self.tell = Box::new(tell);
        self
    }

    /// The folder of a data set, fetched first if it is not in the cache yet.
    ///
    /// What broke off is resumed where the server allows: in the same process always, in a later
    /// one if the server names the version that it sends (`ETag`, `Last-Modified`). What fails for
    /// a while is tried again: a broken connection, silence, a server's own error. A proxy that the
    /// environment names (`https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`) is used. Nothing
    /// is deleted that was in the cache.
    ///
    /// # Errors
    ///
    /// - [`Error::Download`] if the archive cannot be had, is not what it must be, or cannot be
    ///   unpacked;
    /// - [`Error::Write`] if the cache cannot be written to, or the disk is full;
    /// - [`Error::File`] if what is in the cache is not this data set, or not all of it;
    /// - [`Error::Setting`] for a name or url that cannot be.
    pub fn get(&self, set: &DataSet) -> Result<PathBuf> {
        // What is here needs no lock, and no right to write.
        if let Ok(Some(path)) = self.cache.path(set) {
            return Ok(path);
        }
        set.check()?;
        let place = self.cache.place(&set.name);
        let _lock = place.lock(|| (self.tell)(Progress::Waiting { name: &set.name }))?;
        if let Some(path) = self.cache.path(set)? {
            return Ok(path);
        }
        let url = shown(&set.url);
        (self.tell)(Progress::Begun { name: &set.name, url: &url, folder: &place.folder });
        let bytes = match set.is_embedded() {
            true => {
                whole_file::write(&place.archive(), crate::data::DIGITS)?;
                crate::data::DIGITS.len() as u64
            }
            false => self.download(set, &url, &place)?,
        };
        let known = Known { sha256: sha256(&place.archive())?, url };
        let usable = check(set, &place, &known, bytes);
        let usable = usable.and_then(|()| self.unpack(&place, &known, bytes));
        let usable = usable.and_then(|()| place.publish());
        // What is wrong with an archive would be found again and again; it is of use later only
        // where the disk was full.
        if !matches!(&usable, Err(Error::Write { source, .. }) if is_full(source)) {
            place.clear_archive()?;
        }
        usable?;
        let missing = || Error::File {
            file: place.folder.display().to_string(),
            problem: "it was deleted just now".to_owned(),
        };
        self.cache.path(set)?.ok_or_else(missing)
    }

    /// Fetches the archive, and gives its size.
    fn download(&self, set: &DataSet, url: &str, place: &Place) -> Result<u64> {
        let mut part = Part::open(place, url)?;
        let wanted = Wanted {
            url: &set.url,
            shown: url,
            size: set.size,
            most: self.limits.bytes,
            progress: &|bytes, total| (self.tell)(Progress::Downloading { bytes, total }),
        };
        download(&wanted, &mut part, self.timeouts, self.retries, &self.tell)?;
        Ok(part.length)
    }

    /// Unpacks the archive beside its place, with a record of where it is from.
    fn unpack(&self, place: &Place, known: &Known, bytes: u64) -> Result<()> {
        let folder = place.unpacked();
        std::fs::create_dir(&folder).map_err(Error::write(&folder))?;
        let (archive, data) = (place.archive(), folder.join("data"));
        let progress = |bytes| (self.tell)(Progress::Unpacking { bytes });
        let unpacked = archive::unpack(&archive, &data, &self.limits, &progress);
        let unpacked = unpacked.map_err(|error| match error {
            // Where it lies for the moment says nothing; where it came from does.
            Error::Layout { problem, .. } => Error::download(&known.url, problem),
            other => other,
        })?;
        if unpacked.files == 0 {
            return Err(Error::download(&known.url, "the archive holds no file"));
        }
        Origin::now(known.url.clone(), known.sha256, bytes, unpacked).write(&folder)?;
        let text = serde_json::to_vec(known).unwrap_or_default();
        whole_file::write(&place.checksum(), &text)
    }
}

fn is_full(error: &std::io::Error) -> bool {
    [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&error.kind())
}

/// Compares an archive with what is known of it.
fn check(set: &DataSet, place: &Place, found: &Known, bytes: u64) -> Result<()> {
    let refused = |what: &str, is: &str, expected: &str, why: &str| {
        Error::download(&found.url, format!("its {what} is {is}, but {expected} is expected{why}"))
    };
    if let Some(size) = set.size.filter(|&size| size != bytes) {
        return Err(refused("size", &bytes.to_string(), &size.to_string(), ""));
    }
    if let Some(expected) = set.md5_first_mib {
        let md5 = md5_first_mib(&place.archive())?;
        if md5 != expected {
            let what = "first MiB's MD5";
            return Err(refused(what, &md5.to_string(), &expected.to_string(), ""));
        }
    }
    let before = whole_file::read(&place.checksum(), 1 << 20).ok();
    let before: Option<Known> = before.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let before = before.filter(|before| before.url == found.url && !set.is_embedded());
    let forget = format!(
        ", as when it was first fetched; `fastburn data remove --forget {}` takes the new one",
        set.name
    );
    let expected = set.sha256.map(|sha256| (sha256, ""));
    let expected = expected.or(before.map(|before| (before.sha256, forget.as_str())));
    match expected.filter(|(expected, _)| *expected != found.sha256) {
        Some((expected, why)) => {
            Err(refused("SHA-256", &found.sha256.to_string(), &expected.to_string(), why))
        }
        None => Ok(()),
    }
}

impl fmt::Debug for Fetch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cache, limits, timeouts, retries, .. } = self;
        let mut shown = f.debug_struct("Fetch");
        shown.field("cache", cache).field("limits", limits);
        shown.field("timeouts", timeouts).field("retries", retries).finish_non_exhaustive()
    }
}
