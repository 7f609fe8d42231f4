//! Downloading and unpacking archives into the cache.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::Cache;
use super::cache_place::{ArchiveRecord, CachePlace, Origin};
use super::catalog::DataSet;
use crate::archive::{self, ArchiveLimits};
use crate::download::{
    Download, PartialFile, Retries, Timeouts, download, md5_first_mib, sha256, without_credentials,
};
use crate::error::{Error, Remedy, Result};
use crate::files::atomic;
use crate::vision;

/// Downloads data sets into a cache.
///
/// ```no_run
/// use std::time::Duration;
///
/// use fastburn::datasets::{Cache, DataSet, Fetch, FetchProgress};
///
/// let photos = DataSet::from_url("https://example.com/photos.tgz")?;
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
    report: Box<dyn Fn(FetchProgress<'_>) + 'a>,
}

/// The progress of a download.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FetchProgress<'a> {
    /// Another process is downloading the same data set; this one waits for it.
    Waiting {
        /// The name of the data set.
        name: &'a str,
    },
    /// The data set is not in the cache and is about to be downloaded.
    Started {
        /// The name of the data set.
        name: &'a str,
        /// The URL of its archive.
        url: &'a str,
        /// Its future folder in the cache.
        folder: &'a Path,
    },
    /// The archive is being downloaded.
    Downloading {
        /// The number of bytes so far, including those from an earlier run.
        bytes: u64,
        /// The size of the archive, if the server states it.
        total: Option<u64>,
    },
    /// An attempt failed and will be repeated.
    Retrying {
        /// What failed.
        problem: &'a str,
        /// The wait before the next attempt.
        after: Duration,
    },
    /// The archive is complete and verified; its files are being written.
    Unpacking {
        /// The number of unpacked bytes written so far.
        bytes: u64,
    },
}

impl<'a> Fetch<'a> {
    /// Creates a downloader with the default limits, time-outs of 10 seconds for connecting and 30
    /// seconds for the next byte, and 5 retries, the first after half a second.
    pub fn new(cache: Cache) -> Self {
        Self {
            cache,
            limits: ArchiveLimits::default(),
            timeouts: Timeouts {
                connect: Duration::from_secs(10),
                silence: Duration::from_secs(30),
            },
            retries: Retries { times: 5, first: Duration::from_millis(500) },
            report: Box::new(|_| {}),
        }
    }

    /// Sets the limits on archives. The limit on bytes also applies to the archive file itself.
    pub fn archive_limits(mut self, limits: ArchiveLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the time-out for connecting (default: 10 seconds).
    pub fn connect(mut self, time: Duration) -> Self {
        self.timeouts.connect = time;
        self
    }

    /// Sets how long a server may send nothing (default: 30 seconds). The total time is unlimited:
    /// a slow download continues as long as bytes arrive.
    pub fn silence(mut self, time: Duration) -> Self {
        self.timeouts.silence = time;
        self
    }

    /// Sets the number of retries in a row without a new byte (default: 5) and the wait before the
    /// first (default: half a second). Each wait is twice as long as the one before, up to 30
    /// seconds, or up to 60 if the server asks for it.
    pub fn retries(mut self, times: u32, first: Duration) -> Self {
        self.retries = Retries { times, first };
        self
    }

    /// Sets a function to call with the progress.
    pub fn progress(mut self, report: impl Fn(FetchProgress<'_>) + 'a) -> Self {
        self.report = Box::new(report);
        self
    }

    /// Returns the folder of a data set, downloading it first if it is not in the cache.
    ///
    /// An interrupted download is resumed where the server allows it: always within one process,
    /// and in a later one if the server identifies the version that it sends (`ETag`,
    /// `Last-Modified`). Transient failures are retried: a broken connection, silence, a server
    /// error. The proxy settings of the environment apply (`https_proxy`, `http_proxy`,
    /// `all_proxy`, `no_proxy`). No cached data set is deleted.
    ///
    /// # Errors
    ///
    /// - [`Error::Download`] if the archive cannot be downloaded, does not match its size or
    ///   checksums, or cannot be unpacked;
    /// - [`Error::Write`] if the cache cannot be written to, or the disk is full;
    /// - [`Error::File`] if the cached data set comes from another archive or is incomplete;
    /// - [`Error::Setting`] for an invalid name or URL.
    pub fn get(&self, set: &DataSet) -> Result<PathBuf> {
        // A cached data set needs neither the lock nor write permission.
        if let Ok(Some(path)) = self.cache.path(set) {
            return Ok(path);
        }
        set.check()?;
        let place = self.cache.place(&set.name);
        let _lock = place.lock(|| (self.report)(FetchProgress::Waiting { name: &set.name }))?;
        if let Some(path) = self.cache.path(set)? {
            return Ok(path);
        }
        let url = without_credentials(&set.url);
        (self.report)(FetchProgress::Started { name: &set.name, url: &url, folder: &place.folder });
        let installed = if set.is_embedded() {
            atomic::write(&place.archive(), vision::DIGITS)?;
            self.install(set, &place, &url, vision::DIGITS.len() as u64)
        } else {
            self.download_and_install(set, &place, &url)?
        };
        // A bad archive would fail again and again. A good one that could not be written, for
        // example to a full disk, is of use later.
        match installed {
            Ok(()) => place.clear_archive()?,
            Err(error @ Error::Write { .. }) => return Err(error),
            Err(error) => {
                let _ = place.clear_archive();
                return Err(error);
            }
        }
        let deleted = || Error::file(place.folder.display(), "deleted by another program");
        self.cache.path(set)?.ok_or_else(deleted)
    }

    /// Returns an inner error if the complete archive is bad, and an outer one if the archive is
    /// incomplete and can be resumed.
    ///
    /// A server may answer a request for the rest with bytes of another version, or with wrong
    /// ones. Only the checks of the complete archive reveal such a mixture. A download in pieces
    /// that fails them is therefore repeated once, from the start and without resuming, before it
    /// becomes an error.
    fn download_and_install(
        &self,
        set: &DataSet,
        place: &CachePlace,
        url: &str,
    ) -> Result<Result<()>> {
        let mut part = PartialFile::open(place.archive(), place.part(), url)?;
        self.download(set, url, &mut part, true)?;
        match self.install(set, place, url, part.length) {
            Err(error @ Error::Download { .. }) if part.is_from_pieces => {
                let (problem, after) = (error.problem(), Duration::ZERO);
                (self.report)(FetchProgress::Retrying { problem: &problem, after });
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
            on_bytes: &|bytes, total| (self.report)(FetchProgress::Downloading { bytes, total }),
        };
        let on_retry =
            |problem: &str, after| (self.report)(FetchProgress::Retrying { problem, after });
        download(&wanted, part, may_resume, self.timeouts, self.retries, &on_retry)
    }

    /// Verifies the archive, unpacks it and moves the data set into its place.
    fn install(&self, set: &DataSet, place: &CachePlace, url: &str, bytes: u64) -> Result<()> {
        let known = ArchiveRecord { sha256: sha256(&place.archive())?, url: url.to_owned() };
        check(set, place, &known, bytes)?;
        self.unpack(place, &known, bytes)?;
        place.publish()
    }

    /// Unpacks the archive in the working folder, with a record of its origin.
    fn unpack(&self, place: &CachePlace, known: &ArchiveRecord, bytes: u64) -> Result<()> {
        place.clear_unpacked()?;
        let folder = place.unpacked();
        std::fs::create_dir(&folder).map_err(Error::write(&folder))?;
        let (archive, data) = (place.archive(), folder.join("data"));
        let progress = |bytes| (self.report)(FetchProgress::Unpacking { bytes });
        let unpacked = archive::unpack(&archive, &data, &self.limits, &progress);
        let unpacked = unpacked.map_err(|error| match error {
            // Name the archive by its URL: its temporary path means nothing to the user.
            Error::Data { problem, remedy, .. } => {
                Error::Download { url: known.url.clone(), problem, remedy }
            }
            other => other,
        })?;
        if unpacked.files == 0 {
            return Err(Error::download(&known.url, "the archive contains no files"));
        }
        Origin::now(known.url.clone(), known.sha256, bytes, unpacked).write(&folder)?;
        place.write_record(known)
    }
}

/// Verifies the size and checksums of an archive.
fn check(set: &DataSet, place: &CachePlace, found: &ArchiveRecord, bytes: u64) -> Result<()> {
    let differs = |what: &str, value: &dyn fmt::Display, expected: &dyn fmt::Display| {
        Error::download(&found.url, format!("{what} {value}, expected {expected}"))
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
            let expected = format!("{}, as in the first download", before.sha256);
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
