//! What a fetch tells of itself.

use std::path::Path;
use std::time::Duration;

/// How far a fetch is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
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
