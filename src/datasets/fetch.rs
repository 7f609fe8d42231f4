//! Downloads into the cache.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::cache::Cache;
use super::cache_item::{CacheItem, Content};
use super::cache_place::CachePlace;
use super::catalog::DataSet;
use super::fetch_progress::FetchProgress;
use super::install::install;
use super::weights_file::WeightsFile;
use crate::archive::ArchiveLimits;
use crate::download::{Download, PartialFile, Retries, Timeouts, download};
use crate::error::{Error, Result};
use crate::files::atomic;
use crate::vision;

/// Downloads data sets and weights into a cache.
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
        let place = self.obtain(&set.item())?;
        Ok(vision::unwrapped_path(&place.data()))
    }

    /// Returns a file of pretrained weights, downloading it first if it is not in the cache.
    ///
    /// The guarantees are those of [`get`](Self::get). The limit on the bytes of an archive applies
    /// to the file.
    ///
    /// ```no_run
    /// use fastburn::datasets::{Cache, Fetch, WeightsFile};
    /// use fastburn::models::StateDict;
    ///
    /// let url = "https://example.com/models/cats.safetensors";
    /// let cats = WeightsFile::new("cats", "cats.safetensors", url);
    /// let weights = StateDict::open(Fetch::new(Cache::open()?).weights(&cats)?)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Download`] if the file cannot be downloaded, or does not match its size or
    ///   checksum;
    /// - [`Error::Write`] if the cache cannot be written to, or the disk is full;
    /// - [`Error::File`] if the cached file is another one or damaged;
    /// - [`Error::Setting`] for an invalid name or URL.
    pub fn weights(&self, file: &WeightsFile) -> Result<PathBuf> {
        let place = self.obtain(&file.item())?;
        Ok(place.data().join(&file.file_name))
    }

    /// Returns the place of an item in the cache, downloading it first if it is not there.
    fn obtain(&self, item: &CacheItem<'_>) -> Result<CachePlace> {
        // What is in the cache needs neither the lock nor write permission.
        if let Ok(Some(place)) = self.cache.whole(item) {
            return Ok(place);
        }
        item.check()?;
        let place = self.cache.place(item.shelf(), item.name);
        let _lock = place.lock(|| (self.report)(FetchProgress::Waiting { name: item.name }))?;
        if let Some(place) = self.cache.whole(item)? {
            return Ok(place);
        }
        (self.report)(FetchProgress::Started {
            name: item.name,
            url: &item.shown_url(),
            folder: &place.folder,
            size: item.size,
            licence: item.licence,
            has_checksum: item.has_checksum(),
        });
        let installed = match item.content {
            Content::Embedded(bytes) => {
                atomic::write(&place.archive(), bytes)?;
                self.install(item, &place, bytes.len() as u64)
            }
            Content::Archive | Content::File(_) => self.download_and_install(item, &place)?,
        };
        // A bad download would fail again and again. A good one that could not be written, for
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
        self.cache.whole(item)?.ok_or_else(deleted)
    }

    /// Returns an inner error if the complete download is bad, and an outer one if it is incomplete
    /// and can be resumed.
    ///
    /// A server may answer a request for the rest with bytes of another version, or with wrong
    /// ones. Only the checks of the complete download reveal such a mixture. A download in pieces
    /// that fails them is therefore repeated once, from the start and without resuming, before it
    /// becomes an error.
    fn download_and_install(&self, item: &CacheItem<'_>, place: &CachePlace) -> Result<Result<()>> {
        let mut part = PartialFile::open(place.archive(), place.part(), &item.shown_url())?;
        self.download(item, &mut part, true)?;
        match self.install(item, place, part.length) {
            Err(error @ Error::Download { .. }) if part.is_from_pieces => {
                let (problem, after) = (error.problem(), Duration::ZERO);
                (self.report)(FetchProgress::Retrying { problem: &problem, after });
                part.restart_empty()?;
                self.download(item, &mut part, false)?;
                Ok(self.install(item, place, part.length))
            }
            installed => Ok(installed),
        }
    }

    fn download(
        &self,
        item: &CacheItem<'_>,
        part: &mut PartialFile,
        may_resume: bool,
    ) -> Result<()> {
        let wanted = Download {
            url: item.url,
            shown: &item.shown_url(),
            size: item.size,
            most: self.limits.bytes,
            offline: item.offline(),
            on_bytes: &|bytes, total| (self.report)(FetchProgress::Downloading { bytes, total }),
        };
        let on_retry =
            |problem: &str, after| (self.report)(FetchProgress::Retrying { problem, after });
        download(&wanted, part, may_resume, self.timeouts, self.retries, &on_retry)
    }

    fn install(&self, item: &CacheItem<'_>, place: &CachePlace, bytes: u64) -> Result<()> {
        let progress = |bytes| (self.report)(FetchProgress::Unpacking { bytes });
        install(item, place, bytes, &self.limits, &progress)
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
