//! What a download reports while it runs.

use std::path::Path;
use std::time::Duration;

/// The progress of a download.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FetchProgress<'a> {
    /// Another process is downloading the same; this one waits for it.
    Waiting {
        /// The name of the data set or weights.
        name: &'a str,
    },
    /// The data set or weights are not in the cache and are about to be downloaded.
    #[non_exhaustive]
    Started {
        /// The name.
        name: &'a str,
        /// The URL of the archive or file.
        url: &'a str,
        /// The future folder in the cache.
        folder: &'a Path,
        /// The size in bytes, if known.
        size: Option<u64>,
        /// The licence, if known.
        licence: Option<&'a str>,
        /// Whether a checksum is known that the download must match. If not, any content is
        /// accepted the first time, and its SHA-256 recorded for later ones.
        has_checksum: bool,
    },
    /// Bytes arrive.
    Downloading {
        /// The number of bytes so far, including those from an earlier run.
        bytes: u64,
        /// The total number, if the server states it.
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
