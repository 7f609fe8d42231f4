//! Limits on archives, checked while they are read.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Limits on the content of an archive. An archive is refused as soon as it exceeds one, whatever
/// its headers claim.
///
/// The defaults admit any ordinary image data set that fits in memory and no decompression bomb.
///
/// ```
/// use fastburn::archive::ArchiveLimits;
/// use fastburn::vision::OpenOptions;
///
/// let few = ArchiveLimits { files: 1000, ..ArchiveLimits::default() };
/// let error = OpenOptions::new().archive_limits(few).open("assets/digits.tgz").unwrap_err();
/// assert!(error.to_string().contains("more than 1000 files and folders"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// The maximum number of files and folders, including folders that only appear in other paths.
    pub files: u64,
    /// The maximum number of empty files. An image is never empty: many of them suggest an attack.
    pub empty: u64,
    /// The maximum number of unpacked bytes, including the headers of a tar.
    pub bytes: u64,
    /// The maximum compression ratio: unpacked bytes per packed byte. It applies only beyond 16 MiB
    /// of unpacked bytes, which any archive may have.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    /// Allows 2 million files and folders, 10,000 empty files, 8 GiB, a compression ratio of 200.
    fn default() -> Self {
        Self { files: 2_000_000, empty: 10_000, bytes: 8 << 30, ratio: 200 }
    }
}

/// The unpacked bytes that every archive may have, whatever its compression ratio.
const ALWAYS: u64 = 16 << 20;

/// Counters of the bytes that go into and come out of an archive's decoder.
#[derive(Debug)]
pub(super) struct Meter {
    limits: ArchiveLimits,
    packed: Cell<u64>,
    unpacked: Cell<u64>,
}

impl Meter {
    pub fn new(limits: ArchiveLimits) -> Rc<Self> {
        Rc::new(Self { limits, packed: Cell::new(0), unpacked: Cell::new(0) })
    }

    fn add_packed(&self, bytes: usize) {
        self.packed.set(self.packed.get().saturating_add(bytes as u64));
    }

    fn add_unpacked(&self, bytes: usize) -> io::Result<()> {
        let (limits, packed) = (&self.limits, self.packed.get());
        let unpacked = self.unpacked.get().saturating_add(bytes as u64);
        self.unpacked.set(unpacked);
        let excess = if unpacked > limits.bytes {
            let found = format!("more than {} bytes when unpacked", limits.bytes);
            Excess { limit: "bytes", found }
        } else if unpacked > ALWAYS && unpacked > packed.saturating_mul(limits.ratio) {
            let ratio = limits.ratio;
            let found = format!("compression ratio above {ratio} ({packed} to {unpacked} bytes)");
            Excess { limit: "ratio", found }
        } else {
            return Ok(());
        };
        Err(io::Error::other(excess))
    }
}

/// A limit that an archive exceeds.
#[derive(Debug)]
pub(super) struct Excess {
    /// The limit's name.
    pub limit: &'static str,
    /// What the archive contains.
    pub found: String,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

impl std::error::Error for Excess {}

/// A reader that counts packed bytes.
#[derive(Debug)]
pub(super) struct CompressedReader<R> {
    pub inner: R,
    pub meter: Rc<Meter>,
}

impl<R: Read> Read for CompressedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.meter.add_packed(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for CompressedReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.meter.add_packed(bytes);
        self.inner.consume(bytes);
    }
}

impl<R: Seek> Seek for CompressedReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// A reader that counts unpacked bytes, and fails once they exceed the limits.
#[derive(Debug)]
pub(super) struct MeteredReader<R> {
    pub inner: R,
    pub meter: Rc<Meter>,
    /// Whether the end was reached.
    pub ended: bool,
}

impl<R> MeteredReader<R> {
    pub fn new(inner: R, meter: Rc<Meter>) -> Self {
        Self { inner, meter, ended: false }
    }
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.meter.add_unpacked(read)?;
        self.ended |= read == 0 && !into.is_empty();
        Ok(read)
    }
}

/// A reader that fails if the content ends too early.
pub(super) struct WholeReader<'a> {
    pub inner: &'a mut dyn Read,
    /// The number of bytes still expected.
    pub left: u64,
}

impl Read for WholeReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        if read == 0 && !into.is_empty() && self.left > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "content ends too early"));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
