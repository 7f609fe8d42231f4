//! Buffers that several threads fill, each its own part, and that are used again.
//!
//! A training step asks for the lengths of the step before. An allocator gives large buffers back to
//! the system, which clears each page that it hands out: a fifteenth of the time of ResNet-18. So
//! buffers are kept when they are dropped, and handed out again.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The fewest values of a buffer that is kept: allocators are fast with less.
const FEWEST_KEPT: usize = 1 << 10;
/// The most buffers that are kept, among which the next one is looked for.
const MOST_KEPT: usize = 1 << 10;
/// The values in use and kept that are never too many: 64 MiB, in which a net predicts an image.
const NEVER_TOO_MANY: usize = 1 << 24;
/// Those in use and kept may be so many times those that were once in use. With one, what the
/// beginning of a step needs would make room for what its end leaves: 280 MB of ResNet-18's buffers
/// (64 px, batches of 64) were new in each step. With two, none is.
const MOST_OF_USED: usize = 2;

/// A pointer that threads share. Whoever dereferences it argues why no two threads meet.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut f32);

// SAFETY: a pointer is a number; each dereference is `unsafe` and has its own argument.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// Shares what is written.
    pub fn writing(values: &mut [f32]) -> Self {
        Self(values.as_mut_ptr())
    }

    /// Returns the pointer to the value at `offset`.
    ///
    /// # Safety
    ///
    /// The offset must lie within the buffer, or at its end.
    #[inline(always)]
    pub unsafe fn at(self, offset: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(offset) }
    }
}

/// Values that are kept for the next buffer of their number when this one is dropped.
#[derive(Debug, PartialEq)]
pub(crate) struct Buffer(Vec<f32>);

impl Buffer {
    /// Returns a buffer whose values are whatever an earlier one left there, for who writes each of
    /// them.
    pub fn any(len: usize) -> Self {
        let mut buffer = if len < FEWEST_KEPT { vec![0.0; len] } else { pool().take(len) };
        if cfg!(test) {
            buffer.fill(f32::NAN);
        }
        Self(buffer)
    }

    pub fn zeros(len: usize) -> Self {
        if len < FEWEST_KEPT {
            return Self(vec![0.0; len]);
        }
        // A new one is of zeros, which the system may have made already.
        let kept = pool().take_kept(len);
        Self(match kept {
            Some(mut buffer) => {
                buffer.fill(0.0);
                buffer
            }
            None => pool().make(len),
        })
    }

    pub fn shared(&mut self) -> Shared {
        Shared::writing(self)
    }

    /// Keeps the first `len` values.
    pub fn truncate(self, len: usize) -> Self {
        if len == self.len() {
            return self;
        }
        let mut start = Self::any(len);
        start.copy_from_slice(&self[..len]);
        start
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        if values.len() >= FEWEST_KEPT {
            pool().count(values.len());
        }
        Self(values)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.len() >= FEWEST_KEPT {
            pool().give(std::mem::take(&mut self.0));
        }
    }
}

/// The buffers that nobody has.
///
/// Those in use and those that are kept never have more values together than twice those that were
/// once in use, or than 64 MiB.
struct Pool {
    /// Those that were dropped first come first.
    kept: Vec<Vec<f32>>,
    /// Their values.
    kept_values: usize,
    /// The values of the buffers in use, and the most there have been.
    used: usize,
    most_used: usize,
    /// How many are never too many.
    room: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool::new(NEVER_TOO_MANY));

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the memory that is kept back to the allocator, but for what is never too much.
pub(crate) fn release() {
    let mut pool = pool();
    pool.most_used = pool.used;
    let most = pool.room.saturating_sub(pool.used);
    pool.drop_kept(most);
}

impl Pool {
    const fn new(room: usize) -> Self {
        Self { kept: Vec::new(), kept_values: 0, used: 0, most_used: 0, room }
    }

    fn take(&mut self, len: usize) -> Vec<f32> {
        self.take_kept(len).unwrap_or_else(|| self.make(len))
    }

    /// Returns the buffer of that length that was dropped last: its values may still be in a cache.
    fn take_kept(&mut self, len: usize) -> Option<Vec<f32>> {
        let index = self.kept.iter().rposition(|buffer| buffer.len() == len)?;
        let buffer = self.kept.remove(index);
        self.kept_values -= len;
        self.count(len);
        Some(buffer)
    }

    fn make(&mut self, len: usize) -> Vec<f32> {
        self.count(len);
        vec![0.0; len]
    }

    fn count(&mut self, len: usize) {
        self.used += len;
        self.most_used = self.most_used.max(self.used);
        let most = (MOST_OF_USED * self.most_used).max(self.room);
        self.drop_kept(most.saturating_sub(self.used));
    }

    fn give(&mut self, buffer: Vec<f32>) {
        self.used -= buffer.len();
        self.kept_values += buffer.len();
        self.kept.push(buffer);
        if self.kept.len() > MOST_KEPT {
            self.kept_values -= self.kept.remove(0).len();
        }
    }

    /// Drops buffers that have been kept for longest, until at most so many values are kept.
    fn drop_kept(&mut self, most: usize) {
        let mut count = 0;
        while self.kept_values > most {
            self.kept_values -= self.kept[count].len();
            count += 1;
        }
        self.kept.drain(..count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_buffer_of_a_length_is_the_one_that_was_dropped_last() {
        let mut pool = Pool::new(0);
        let [first, second, other] = [5000, 5000, 6000].map(|len| pool.take(len));
        let place = second.as_ptr();
        for buffer in [first, second, other] {
            pool.give(buffer);
        }
        let next = pool.take(5000);
        assert_eq!(next.as_ptr(), place);
    }

    #[test]
    fn memory_in_use_and_kept_is_never_more_than_twice_what_was_in_use_at_once() {
        let mut pool = Pool::new(0);
        let [a, b] = [5000, 7000].map(|len| pool.take(len));
        pool.give(a);
        pool.give(b);
        assert_eq!((pool.kept.len(), pool.used), (2, 0));
        let c = pool.take(10_000);
        assert_eq!(pool.kept_values, 12_000, "5000 + 7000 + 10,000 are not more than 24,000");
        pool.give(c);
        // 5000 more would be too many: the oldest goes.
        let d = pool.take(6000);
        assert_eq!((pool.kept_values, pool.used, pool.most_used), (17_000, 6000, 12_000));
        pool.give(d);
        pool.drop_kept(0);
        assert!(pool.kept.is_empty());
    }
}
