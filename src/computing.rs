//! The threads that fits and predictions run on, and when the kernels give back their memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use burn::tensor::Device;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::device::is_host;
use crate::layers::is_observed;

/// The stack of a thread: that of a main thread, since models and callbacks run on it.
const STACK: usize = 8 << 20;

/// Threads for one work at a time: for fits, or for predictions.
pub(crate) struct Computing {
    /// `None` if the threads could not be started.
    pool: OnceLock<Option<ThreadPool>>,
    is_taken: AtomicBool,
}

pub(crate) static FITS: Computing = Computing::new();
pub(crate) static PREDICTIONS: Computing = Computing::new();

impl Computing {
    const fn new() -> Self {
        Self { pool: OnceLock::new(), is_taken: AtomicBool::new(false) }
    }

    /// Runs work for these devices, on a CPU by one of the threads that compute its operations, if no
    /// other work is there.
    ///
    /// Those threads share an operation by themselves in a microsecond or two. For a thread outside
    /// of their pool, one of them has to be woken at each operation and has to wake it in turn, which
    /// takes longer than the operations of a small model.
    ///
    /// It is not rayon's own pool, and has one work only: a thread that waits for a part of its
    /// operation takes up whatever else waits for a thread of the pool. If that were another fit, or
    /// what waits for this one, it would not come back for long, or ever.
    pub fn run<R: Send>(&self, devices: &[Device], work: impl FnOnce() -> R + Send) -> R {
        let is_inside = rayon::current_thread_index().is_some();
        let threads = rayon::current_num_threads();
        // Who listens to layers, does so on this thread.
        if is_inside || threads == 1 || is_observed() || !devices.iter().all(is_host) {
            return work();
        }
        if self.is_taken.swap(true, Ordering::Acquire) {
            return work();
        }
        let _free = Free(&self.is_taken);
        let start = || {
            let name = |index| format!("computing-{index}");
            let builder = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK);
            builder.thread_name(name).build().ok()
        };
        match self.pool.get_or_init(start) {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// Lets the next work in, also after a panic.
struct Free<'a>(&'a AtomicBool);

impl Drop for Free<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The number of learners. Whoever reads 0 sees all buffers that they gave back. A learner that is made
/// in between finds fewer buffers, and allocates new ones.
static KEEPERS: AtomicUsize = AtomicUsize::new(0);

/// A learner's claim on the memory of the kernels, which is not released while there is one.
#[derive(Debug)]
pub(crate) struct KeptMemory(());

impl KeptMemory {
    pub fn new() -> Self {
        KEEPERS.fetch_add(1, Ordering::AcqRel);
        Self(())
    }
}

impl Drop for KeptMemory {
    fn drop(&mut self) {
        KEEPERS.fetch_sub(1, Ordering::AcqRel);
        release_memory();
    }
}

/// Releases the memory that the kernels keep, unless a learner needs it again.
pub(crate) fn release_memory() {
    if KEEPERS.load(Ordering::Acquire) == 0 {
        fastburn_kernels::release_memory();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn works_that_wait_for_each_other_run_at_once_and_a_panic_lets_the_next_in() {
        let computing = Computing::new();
        let devices = [crate::device::cpu().unwrap()];
        let both = Barrier::new(2);
        let work = || {
            both.wait();
            rayon::join(|| 1, || 2)
        };
        std::thread::scope(|scope| {
            let works = [(); 2].map(|()| scope.spawn(|| computing.run(&devices, work)));
            assert!(works.map(|work| work.join().unwrap()).iter().all(|&sum| sum == (1, 2)));
        });
        let panic = || computing.run(&devices, || panic!("of the work"));
        assert!(std::thread::scope(|scope| scope.spawn(panic).join()).is_err());
        let name = computing.run(&devices, || std::thread::current().name().map(str::to_owned));
        let is_inside = name.is_some_and(|name| name.starts_with("computing-"));
        assert_eq!(is_inside, rayon::current_num_threads() > 1);
    }
}
