//! Prefetching: batches of pixels that are decoded before they are requested.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::mutex::lock;

/// A dedicated thread pool, and its batches that are in progress or ready and not yet taken.
///
/// Computation runs on rayon's global threads, which prefetching must not block.
pub(in crate::vision) struct Prefetch {
    pool: ThreadPool,
    /// The size limit of all waiting batches, in bytes. A single batch may exceed it.
    most_bytes: usize,
    waiting: Mutex<VecDeque<Arc<Job>>>,
}

/// The owner of a batch, and the indices of its images.
pub(super) type Key<'a> = (usize, &'a [u32]);

/// Makes batches, and checks now and then whether the batch is still wanted.
pub(super) trait MakeBatch: Send + Sync + 'static {
    fn batch(&self, indices: &[u32], is_dropped: &(dyn Fn() -> bool + Sync)) -> Result<Vec<u8>>;
}

/// A batch in progress or ready.
struct Job {
    owner: usize,
    indices: Vec<u32>,
    bytes: usize,
    is_dropped: AtomicBool,
    done: Mutex<Option<Result<Vec<u8>>>>,
    ready: Condvar,
}

impl Prefetch {
    pub fn new(threads: usize, most_bytes: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("images-{index}"))
            .build()
            .map_err(|error| Error::compute("start the image-reading threads", error))?;
        Ok(Self { pool, most_bytes, waiting: Mutex::default() })
    }

    /// Runs `work` on these threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Starts on the upcoming batches of an owner, as far as there is room.
    ///
    /// An image takes `size` bytes. Waiting batches that are not upcoming, of a cancelled epoch or
    /// another owner, are dropped to make room, the oldest first.
    pub(super) fn expect(
        &self,
        owner: usize,
        upcoming: &[&[u32]],
        size: usize,
        work: &Arc<impl MakeBatch>,
    ) {
        let mut waiting = lock(&self.waiting);
        for &indices in upcoming {
            if waiting.iter().any(|job| job.is((owner, indices))) {
                continue;
            }
            let bytes = indices.len() * size;
            while !self.has_room(&waiting, bytes) {
                let is_next = |job: &Job| upcoming.iter().any(|next| job.is((owner, next)));
                let Some(stale) = waiting.iter().position(|job| !is_next(job)) else { return };
                if let Some(job) = waiting.remove(stale) {
                    job.is_dropped.store(true, Ordering::Relaxed);
                }
            }
            let job = Arc::new(Job::new((owner, indices), bytes));
            waiting.push_back(job.clone());
            let work = work.clone();
            self.pool.spawn(move || job.run(&*work));
        }
    }

    /// Returns a batch: one that is ready, one in progress, or one made now.
    pub(super) fn take(&self, key: Key<'_>, work: &impl MakeBatch) -> Result<Vec<u8>> {
        let mut waiting = lock(&self.waiting);
        let job = waiting.iter().position(|job| job.is(key)).and_then(|at| waiting.remove(at));
        drop(waiting);
        match job.map(|job| job.wait()) {
            Some(Ok(batch)) => Ok(batch),
            // A panic would come again, and here it would not be caught.
            Some(Err(error @ Error::Compute { .. })) => Err(error),
            // A batch that failed in advance, for example on a file, may succeed by now.
            Some(Err(_)) | None => self.pool.install(|| work.batch(key.1, &|| false)),
        }
    }

    fn has_room(&self, waiting: &VecDeque<Arc<Job>>, bytes: usize) -> bool {
        let taken: usize = waiting.iter().map(|job| job.bytes).sum();
        waiting.is_empty() || taken.saturating_add(bytes) <= self.most_bytes
    }
}

impl Drop for Prefetch {
    /// Batches in progress stop after their current images.
    fn drop(&mut self) {
        lock(&self.waiting).iter().for_each(|job| job.is_dropped.store(true, Ordering::Relaxed));
    }
}

impl Job {
    fn new((owner, indices): Key<'_>, bytes: usize) -> Self {
        Self {
            owner,
            indices: indices.to_vec(),
            bytes,
            is_dropped: AtomicBool::new(false),
            done: Mutex::default(),
            ready: Condvar::new(),
        }
    }

    fn is(&self, (owner, indices): Key<'_>) -> bool {
        self.owner == owner && self.indices == indices
    }

    fn run(&self, work: &impl MakeBatch) {
        let is_dropped = || self.is_dropped.load(Ordering::Relaxed);
        // A panic becomes the waiting thread's error. Uncaught, it would abort the process.
        let batch = AssertUnwindSafe(|| work.batch(&self.indices, &is_dropped));
        let batch = catch_unwind(batch)
            .unwrap_or_else(|_| Err(Error::compute("read images", "a thread panicked")));
        *lock(&self.done) = Some(batch);
        self.ready.notify_all();
    }

    fn wait(&self) -> Result<Vec<u8>> {
        let mut done = lock(&self.done);
        loop {
            match done.take() {
                Some(batch) => return batch,
                None => done = self.ready.wait(done).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl std::fmt::Debug for Prefetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (threads, bytes) = (self.pool.current_num_threads(), self.most_bytes);
        f.debug_struct("Prefetch").field("threads", &threads).field("most_bytes", &bytes).finish()
    }
}
