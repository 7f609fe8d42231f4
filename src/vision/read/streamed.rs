//! Images that are decoded each time they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::file::{Misfit, read_file};
use super::options::ReadOptions;
use super::prefetch::{MakeBatch, Prefetch};
use crate::error::{Error, Result};
use crate::vision::open::ImageFolder;
use crate::vision::spec::ImageSpec;

/// The images of one part, and the threads shared by both parts.
#[derive(Debug, Clone)]
pub(in crate::vision) struct StreamedImages {
    files: Arc<StreamedFiles>,
    prefetch: Arc<Prefetch>,
    /// The index of the part.
    part: usize,
}

/// The files of a part, and the checksums known so far.
#[derive(Debug)]
struct StreamedFiles {
    folder: Arc<ImageFolder>,
    format: ImageSpec,
    options: ReadOptions,
    contents: Vec<KnownChecksum>,
}

/// The checksum of a file's content once it has been read, to detect later changes.
#[derive(Debug, Default)]
pub(super) struct KnownChecksum(AtomicU64);

impl KnownChecksum {
    const KNOWN: u64 = 1 << 32;

    /// Creates a known checksum.
    pub fn of(checksum: u32) -> Self {
        Self(AtomicU64::new(Self::KNOWN | u64::from(checksum)))
    }

    /// Stores the first checksum. Returns whether this one equals it.
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
    /// Creates the images of a part. `contents` holds the checksums known so far.
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

    /// Returns the pixels of one image.
    pub fn image(&self, index: usize) -> Result<Vec<u8>> {
        self.files.image(index)
    }

    /// Starts decoding the upcoming batches in the background.
    pub fn expect(&self, upcoming: &[&[u32]]) {
        self.prefetch.expect(self.part, upcoming, self.files.format.len(), &self.files);
    }

    /// Returns the pixels of a batch, one image after the other.
    pub fn take(&self, indices: &[u32]) -> Result<Vec<u8>> {
        self.prefetch.take((self.part, indices), &*self.files)
    }

    /// Returns the checksums of all files. Reads the files whose checksum is unknown.
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
        let image = read.map_err(Misfit::into_error)?;
        let is_same = self.contents[index].agrees(image.content);
        if is_same { Ok(image.pixels) } else { Err(changed(file)) }
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
        // If several files fail, the first of them is reported.
        read.collect::<Vec<_>>().into_iter().collect::<Result<()>>()?;
        Ok(pixels)
    }
}

fn changed(file: &impl std::fmt::Display) -> Error {
    Error::data(file, "changed since it was first read")
        .with_remedy("start over with the current files".into())
}
