//! Contents that are as long as they should be.

use std::io::{self, Read};

/// A reader that fails if what it reads ends too early.
pub(super) struct Whole<'a> {
    pub inner: &'a mut dyn Read,
    /// How many bytes are still to come.
    pub left: u64,
}

impl Read for Whole<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        if read == 0 && !into.is_empty() && self.left > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early"));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
