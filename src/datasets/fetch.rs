//! From a url to a folder in the cache.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::Cache;
use super::catalog::DataSet;
use super::place::{ArchiveRecord, CachePlace, Origin};
use crate::archive::{self, ArchiveLimits};
use crate::download::{
    Download, PartialFile, Retries, Timeouts, download, md5_first_mib, sha256, shown,
};
use crate::error::{Error, Remedy, Result};
use crate::files::atomic;
use crate::vision;

/// How data sets are fetched into a cache.
///
/// ```no_run
/// use std::time::Duration;
///
/// use fastburn::datasets::{Cache, DataSet, Fetch, FetchProgress};
///
/// let photos = DataSet::at("https://example.com/photos.tgz")?;
/// let folder = Fetch::new(Cache::open()?)
///     .silence(Duration::from_secs(10))
///     .progress(|progress| {
///         if let FetchProgress::Downloading { bytes, total: Some(total) } = progress {
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
    tell: Box<dyn Fn(FetchProgress<'_>) + 'a>,
}

/// How far a fetch is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FetchProgress<'a> {
    /// Another process is fetching the same data set; this one waits for it.
    Waiting {
        /// The data set.
        name: &'a str,
    },
    /// The data set is not in the cache, and is about to be fetched.
    Begun {
        /// The data set.
        name: &'a str,
        /// Where from.
        url: &'a str,
        /// The folder that it will have.
        folder: &'a Path,
    },
    /// The archive is on its way.
    Downloading {
        /// How many bytes are here, with those that were from an earlier run.
        bytes: u64,
        /// How many there are, if the server says so.
        total: Option<u64>,
    },
    /// Something failed that may not fail again.
    Retrying {
        /// What failed.
        problem: &'a str,
        /// After which time it is tried again.
        after: Duration,
    },
    /// The archive is here and its checksum is right; its files are being written.
    Unpacking {
        /// How many bytes of files are written.
        bytes: u64,
    },
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
    pub fn progress(mut self, tell: impl Fn(FetchProgress<'_>) + 'a) -> Self {
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
        let _lock = place.lock(|| (self.tell)(FetchProgress::Waiting { name: &set.name }))?;
        if let Some(path) = self.cache.path(set)? {
            return Ok(path);
        }
        let url = shown(&set.url);
        (self.tell)(FetchProgress::Begun { name: &set.name, url: &url, folder: &place.folder });
        let installed = if set.is_embedded() {
            atomic::write(&place.archive(), vision::DIGITS)?;
            self.install(set, &place, &url, vision::DIGITS.len() as u64)
        } else {
            self.download_and_install(set, &place, &url)?
        };
        // What is wrong with an archive would be found again and again; it is of use later only if
        // the disk was full.
        if !matches!(&installed, Err(Error::Write { source, .. }) if is_full(source)) {
            place.clear_archive()?;
        }
        installed?;
        let deleted = || Error::file(place.folder.display(), "deleted by another program");
        self.cache.path(set)?.ok_or_else(deleted)
    }

    /// Returns the inner error where the archive is here and wrong, the outer one where it is not
    /// all here yet and can be resumed.
    ///
    /// A server that answers a request for the rest with bytes of another version, or with wrong
    /// ones, leaves a mixture that only the checks afterwards can tell. A download that was put
    /// together from pieces and turns out wrong is therefore repeated once, from the start and
    /// without resuming, before it is an error.
    fn download_and_install(
        &self,
        set: &DataSet,
        place: &CachePlace,
        url: &str,
    ) -> Result<Result<()>> {
        let mut part = PartialFile::open(place.archive(), place.part(), url)?;
        self.download(set, url, &mut part, true)?;
        match self.install(set, place, url, part.length) {
            Err(error @ Error::Download { .. }) if part.is_pieced => {
                let (problem, after) = (error.problem(), Duration::ZERO);
                (self.tell)(FetchProgress::Retrying { problem: &problem, after });
                part.restart_empty()?;
                self.download(set, url, &mut part, false)?;
                Ok(self.install(set, place, url, part.length))
            }
            installed => Ok(installed),
        }
    }

    fn download(
        &self,
        set: &DataSet,
        url: &str,
        part: &mut PartialFile,
        may_resume: bool,
    ) -> Result<()> {
        let wanted = Download {
            url: &set.url,
            shown: url,
            size: set.size,
            most: self.limits.bytes,
            on_bytes: &|bytes, total| (self.tell)(FetchProgress::Downloading { bytes, total }),
        };
        let on_retry =
            |problem: &str, after| (self.tell)(FetchProgress::Retrying { problem, after });
        download(&wanted, part, may_resume, self.timeouts, self.retries, &on_retry)
    }

    /// Compares the archive with what is known of it, unpacks it and puts it in its place.
    fn install(&self, set: &DataSet, place: &CachePlace, url: &str, bytes: u64) -> Result<()> {
        let known = ArchiveRecord { sha256: sha256(&place.archive())?, url: url.to_owned() };
        check(set, place, &known, bytes)?;
        self.unpack(place, &known, bytes)?;
        place.publish()
    }

    /// Unpacks the archive beside its place, with a record of where it is from.
    fn unpack(&self, place: &CachePlace, known: &ArchiveRecord, bytes: u64) -> Result<()> {
        place.clear_unpacked()?;
        let folder = place.unpacked();
        std::fs::create_dir(&folder).map_err(Error::write(&folder))?;
        let (archive, data) = (place.archive(), folder.join("data"));
        let progress = |bytes| (self.tell)(FetchProgress::Unpacking { bytes });
        let unpacked = archive::unpack(&archive, &data, &self.limits, &progress);
        let unpacked = unpacked.map_err(|error| match error {
            // Where it lies for the moment says nothing; where it came from does.
            Error::Data { problem, .. } => Error::download(&known.url, problem),
            other => other,
        })?;
        if unpacked.files == 0 {
            return Err(Error::download(&known.url, "the archive holds no file"));
        }
        Origin::now(known.url.clone(), known.sha256, bytes, unpacked).write(&folder)?;
        place.write_record(known)
    }
}

fn is_full(error: &std::io::Error) -> bool {
    [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&error.kind())
}

/// Compares an archive with what is known of it.
fn check(set: &DataSet, place: &CachePlace, found: &ArchiveRecord, bytes: u64) -> Result<()> {
    let differs = |what: &str, is: &dyn fmt::Display, expected: &dyn fmt::Display| {
        Error::download(&found.url, format!("{what} {is}, expected {expected}"))
    };
    if let Some(size) = set.size.filter(|&size| size != bytes) {
        return Err(differs("size", &bytes, &size));
    }
    if let Some(expected) = set.md5_first_mib {
        let md5 = md5_first_mib(&place.archive())?;
        if md5 != expected {
            return Err(differs("MD5 of the first MiB", &md5, &expected));
        }
    }
    if let Some(expected) = set.sha256.filter(|&expected| expected != found.sha256) {
        return Err(differs("SHA-256", &found.sha256, &expected));
    }
    let before = place.record().filter(|before| before.url == found.url && !set.is_embedded());
    match before.filter(|before| set.sha256.is_none() && before.sha256 != found.sha256) {
        Some(before) => {
            let expected = format!("{} as when it was first downloaded", before.sha256);
            let remedy = Remedy::ForgetChecksum(set.name.clone());
            Err(differs("SHA-256", &found.sha256, &expected).with_remedy(remedy))
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
