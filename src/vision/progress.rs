//! Progress reports while files are read or written, and the files that were skipped.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::data_files::DataFile;
use crate::error::Error;

/// A callback for progress, called from any thread with the images done and the total.
pub(super) type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// The images between two reports: few enough for a progress bar, enough to cost nothing.
const REPORT_EVERY: usize = 512;

/// A count of the images done, shared between threads.
pub(super) struct Tally<'a> {
    done: AtomicUsize,
    total: usize,
    progress: Progress<'a>,
}

impl<'a> Tally<'a> {
    pub fn new(total: usize, progress: Progress<'a>) -> Self {
        Self { done: AtomicUsize::new(0), total, progress }
    }

    pub fn one_more(&self) {
        let count = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(REPORT_EVERY) || count == self.total {
            (self.progress)(count, self.total);
        }
    }
}

/// A callback, called from any thread with the images done and the total. Returns `false` to stop.
pub type Watch<'a> = dyn Fn(usize, usize) -> bool + Sync + 'a;

/// The classes, counts and skipped files of a data set that was written.
#[derive(Debug, Default)]
pub(super) struct WrittenData {
    /// The name written for each class.
    pub names: Vec<String>,
    /// The number of images written in each part.
    pub counts: Vec<usize>,
    pub skipped: Vec<SkippedFile>,
}

/// Returns the error for a write that a [`Watch`] interrupted.
pub(super) fn ended(out: &Path) -> Error {
    Error::write(out)(std::io::ErrorKind::Interrupted.into())
}

/// A file that was skipped, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file, with its archive if it is in one.
    pub file: String,
    /// The reason why it is not a readable image.
    pub reason: String,
}

impl SkippedFile {
    pub(in crate::vision) fn new(file: &DataFile, error: &Error) -> Self {
        let reason = match error {
            Error::Image { reason, .. } => reason.clone(),
            Error::Read { source, .. } => source.to_string(),
            other => other.problem(),
        };
        Self { file: file.to_string(), reason }
    }
}

impl std::fmt::Display for SkippedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}
