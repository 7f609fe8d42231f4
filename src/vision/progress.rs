//! How many files are done, reported now and then, and which were left out.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tree::DataFile;
use crate::error::Error;

/// What is told how many images are done, of how many, now and then and from any thread.
pub(super) type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Often enough for a bar, seldom enough to cost nothing.
const TELL_EVERY: usize = 512;

/// How many images are done.
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
        if count.is_multiple_of(TELL_EVERY) || count == self.total {
            (self.progress)(count, self.total);
        }
    }
}

/// Told how many images are done, of how many, from any thread; says whether to go on.
pub type Watch<'a> = dyn Fn(usize, usize) -> bool + Sync + 'a;

/// What was written of all parts.
#[derive(Debug, Default)]
pub(super) struct WrittenData {
    /// What stands for each class.
    pub names: Vec<String>,
    /// How many images of each part.
    pub counts: Vec<usize>,
    pub skipped: Vec<SkippedFile>,
}

/// That `watch` said not to go on.
pub(super) fn ended(out: &Path) -> Error {
    Error::write(out)(std::io::ErrorKind::Interrupted.into())
}

/// A file that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file, and the archive that holds it where there is one.
    pub file: String,
    /// Why it cannot be read as an image.
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
