//! Batches of pixels that are made before they are asked for.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Threads of their own, and the batches that they are at or done with and nobody has taken yet.
///
/// The threads that compute are rayon's global ones: a batch that waits never stands in their way.
pub(in crate::vision) struct Prefetch {
    pool: ThreadPool,
    /// How many bytes wait at most, if it is more than one batch.
    most_bytes: usize,
    waiting: Mutex<VecDeque<Arc<Job>>>,
}

/// Whose batch it is, and of which images.
pub(super) type Key<'a> = (usize, &'a [u32]);

/// What makes a batch; it looks now and then whether nobody wants it any more.
pub(super) trait MakeBatch: Send + Sync + 'static {
    fn batch(&self, indices: &[u32], is_dropped: &(dyn Fn() -> bool + Sync)) -> Result<Vec<u8>>;
}

/// One batch.
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
            .map_err(|error| Error::compute("start threads that read images", error))?;
        Ok(Self { pool, most_bytes, waiting: Mutex::default() })
    }

    /// Does something on these threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Begins with the batches of one owner that come next, as far as there is room.
    ///
    /// A batch of `size` bytes an image that waits already stays. One that does not come next, of a
    /// part of an epoch that was cancelled or of another owner, makes room, the oldest first.
    pub(super) fn expect(
        &self,
        owner: usize,
        upcoming: &[&[u32]],
        size: usize,
        work: &Arc<impl MakeBatch>,
    ) {
        let mut waiting = held(&self.waiting);
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

    /// A batch, which is ready, under way, or made now.
    pub(super) fn take(&self, key: Key<'_>, work: &impl MakeBatch) -> Result<Vec<u8>> {
        let mut waiting = held(&self.waiting);
        let job = waiting.iter().position(|job| job.is(key)).and_then(|at| waiting.remove(at));
        drop(waiting);
        // What failed ahead of its time may be well by now.
        match job.map(|job| job.wait()) {
            Some(Ok(batch)) => Ok(batch),
            Some(Err(_)) | None => self.pool.install(|| work.batch(key.1, &|| false)),
        }
    }

    fn has_room(&self, waiting: &VecDeque<Arc<Job>>, bytes: usize) -> bool {
        let taken: usize = waiting.iter().map(|job| job.bytes).sum();
        waiting.is_empty() || taken.saturating_add(bytes) <= self.most_bytes
    }
}

impl Drop for Prefetch {
    /// What is under way ends with the image at hand.
    fn drop(&mut self) {
        held(&self.waiting).iter().for_each(|job| job.is_dropped.store(true, Ordering::Relaxed));
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
        // Whoever waits is told of a panic, which would otherwise end the whole process.
        let batch = AssertUnwindSafe(|| work.batch(&self.indices, &is_dropped));
        let batch = catch_unwind(batch)
            .unwrap_or_else(|_| Err(Error::compute("read images", "a thread panicked")));
        *held(&self.done) = Some(batch);
        self.ready.notify_all();
    }

    fn wait(&self) -> Result<Vec<u8>> {
        let mut done = held(&self.done);
        loop {
            match done.take() {
                Some(batch) => return batch,
                None => done = self.ready.wait(done).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// What a lock guards. Nothing is ever left half changed under one.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Prefetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (threads, bytes) = (self.pool.current_num_threads(), self.most_bytes);
        f.debug_struct("Prefetch").field("threads", &threads).field("most_bytes", &bytes).finish()
    }
}
