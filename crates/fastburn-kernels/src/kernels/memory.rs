//! Buffers that several threads fill, each its own part.

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

/// A buffer whose values are written before they are read: zeroing it would cost a pass over memory.
pub(crate) struct Unwritten(Vec<f32>, usize);

impl Unwritten {
    pub fn new(len: usize) -> Self {
        Self(Vec::with_capacity(len), len)
    }

    pub fn shared(&mut self) -> Shared {
        Shared(self.0.as_mut_ptr())
    }

    /// Returns the buffer.
    ///
    /// # Safety
    ///
    /// Every value must have been written.
    pub unsafe fn written(mut self) -> Vec<f32> {
        // SAFETY: the capacity is at least this, and the caller promises that all is written.
        unsafe { self.0.set_len(self.1) };
        self.0
    }
}
