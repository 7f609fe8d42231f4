//! Images that are decoded each time they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::file::{Misfit, read_file};
use super::options::ReadOptions;
use super::prefetch::{MakeBatch, Prefetch};
use crate::error::{Error, Result};
use crate::vision::open::ImageFolder;
use crate::vision::spec::ImageSpec;

/// The images of one part, and the threads that both parts share.
#[derive(Debug, Clone)]
pub(in crate::vision) struct StreamedImages {
    files: Arc<StreamedFiles>,
    prefetch: Arc<Prefetch>,
    /// Which of the parts it is.
    part: usize,
}

/// The files, and what is known of them.
#[derive(Debug)]
struct StreamedFiles {
    folder: Arc<ImageFolder>,
    format: ImageSpec,
    options: ReadOptions,
    contents: Vec<KnownChecksum>,
}

/// The checksum of a file's content, once it was read: a file that changes is noticed.
#[derive(Debug, Default)]
pub(super) struct KnownChecksum(AtomicU64);

impl KnownChecksum {
    const KNOWN: u64 = 1 << 32;

    /// A known checksum.
    pub fn of(checksum: u32) -> Self {
        Self(AtomicU64::new(Self::KNOWN | u64::from(checksum)))
    }

    /// Remembers the first checksum; whether this one is the same.
    pub fn agrees(&self, checksum: u32) -> bool {
        let now = Self::KNOWN | u64::from(checksum);
        match self.0.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(before) => before == now,
        }
    }

    fn known(&self) -> Option<u32> {
        let known = self.0.load(Ordering::Relaxed);
        (known != 0).then_some(known as u32)
    }
}

impl StreamedImages {
    /// The images of a part; `contents` are the checksums that are known.
    pub(super) fn new(
        (part, folder): (usize, Arc<ImageFolder>),
        format: ImageSpec,
        options: &ReadOptions,
        contents: Vec<KnownChecksum>,
        prefetch: Arc<Prefetch>,
    ) -> Self {
        let files = StreamedFiles { folder, format, options: options.clone(), contents };
        Self { files: files.into(), prefetch, part }
    }

    /// The pixels of one image.
    pub fn image(&self, index: usize) -> Result<Vec<u8>> {
        self.files.image(index)
    }

    /// Has the threads begin with the batches that come next.
    pub fn expect(&self, upcoming: &[&[u32]]) {
        self.prefetch.expect(self.part, upcoming, self.files.format.len(), &self.files);
    }

    /// The pixels of a batch, one image after the other.
    pub fn take(&self, indices: &[u32]) -> Result<Vec<u8>> {
        self.prefetch.take((self.part, indices), &*self.files)
    }

    /// The checksums of all files' content; those that are not known yet are read.
    pub fn contents(&self) -> Result<Vec<u32>> {
        let files = self.files.folder.files();
        let content = |(index, known): (usize, &KnownChecksum)| match known.known() {
            Some(checksum) => Ok(checksum),
            None => {
                let file = &files[index];
                let checksum = crc32fast::hash(&file.read()?);
                known.agrees(checksum).then_some(checksum).ok_or_else(|| changed(file))
            }
        };
        self.prefetch.install(|| {
            let contents = self.files.contents.par_iter().enumerate().map(content);
            contents.collect::<Vec<_>>().into_iter().collect()
        })
    }
}

impl StreamedFiles {
    fn image(&self, index: usize) -> Result<Vec<u8>> {
        let file = &self.folder.files()[index];
        let read = read_file(file, &self.format, &self.options);
        let (pixels, content) = read.map_err(Misfit::into_error)?;
        match self.contents[index].agrees(content) {
            true => Ok(pixels),
            false => Err(changed(file)),
        }
    }
}

impl MakeBatch for StreamedFiles {
    fn batch(&self, indices: &[u32], is_dropped: &(dyn Fn() -> bool + Sync)) -> Result<Vec<u8>> {
        let size = self.format.len();
        let mut pixels = vec![0; indices.len() * size];
        let slots = pixels.par_chunks_exact_mut(size).zip(indices);
        let read = slots.map(|(slot, &index)| {
            if !is_dropped() {
                slot.copy_from_slice(&self.image(index as usize)?);
            }
            Ok(())
        });
        // Of several files that cannot be read the first one is reported.
        read.collect::<Vec<_>>().into_iter().collect::<Result<()>>()?;
        Ok(pixels)
    }
}

fn changed(file: &impl std::fmt::Display) -> Error {
    Error::data(file, "it has changed since it was first read").with_remedy("start again".into())
}
