//! How far many files are, told now and then.

use std::sync::atomic::{AtomicUsize, Ordering};

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
