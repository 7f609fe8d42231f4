//! A data set's images in one format.

use std::borrow::Cow;
use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};

use super::open::ImageFolder;
use super::progress::SkippedFile;
use super::read::streamed::StreamedImages;
use super::spec::{ImageItem, ImageSpec};
use crate::data::UPCOMING;
use crate::error::Result;

/// Images of a data set, all of one format: in memory, or streamed where that is too small.
///
/// ```
/// use fastburn::vision::{Images, Splits};
///
/// let images = Images::decode(&Splits::digits()?.valid)?;
/// assert_eq!((images.len(), images.shape()), (1000, [1, 28, 28]));
/// assert_eq!(images.pixels(0)?.len(), 28 * 28);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// They are a Burn [`Dataset`] too, which unlike an [`ImageFolder`] does not decode again in each
/// epoch:
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::vision::{Images, Splits};
///
/// let images = Images::decode(&Splits::digits()?.valid)?;
/// let item = images.get(999)?;
/// assert_eq!((item.shape, item.label), ([1, 28, 28], 9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Images {
    folder: Arc<ImageFolder>,
    format: ImageSpec,
    pixels: Pixels,
    skipped: Arc<Vec<SkippedFile>>,
}

/// Where pixels are.
#[derive(Debug, Clone)]
enum Pixels {
    /// All in one buffer, and the checksum of each file's content.
    InMemory(Arc<Vec<u8>>, Arc<Vec<u32>>),
    /// In the files.
    Streamed(StreamedImages),
}

impl Images {
    pub(super) fn in_memory(
        folder: ImageFolder,
        format: ImageSpec,
        pixels: Vec<u8>,
        contents: Vec<u32>,
        skipped: Vec<SkippedFile>,
    ) -> Self {
        let pixels = Pixels::InMemory(pixels.into(), contents.into());
        Self { folder: folder.into(), format, pixels, skipped: skipped.into() }
    }

    pub(super) fn streamed(
        folder: Arc<ImageFolder>,
        format: ImageSpec,
        streamed: StreamedImages,
        skipped: Vec<SkippedFile>,
    ) -> Self {
        Self { folder, format, pixels: Pixels::Streamed(streamed), skipped: skipped.into() }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels().len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels().is_empty()
    }

    /// The shape of each image: `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        self.format.shape()
    }

    /// What the images look like to a model.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Whether they are decoded each time they are needed, since they are more than the memory
    /// that they may take: see [`ReadOptions::memory`].
    pub fn is_streamed(&self) -> bool {
        matches!(self.pixels, Pixels::Streamed(_))
    }

    /// The files, without those that were skipped: image `index` is of file `index`.
    pub fn folder(&self) -> &ImageFolder {
        &self.folder
    }

    /// The files that were left out: see [`ReadOptions::skip_bad`].
    pub fn skipped(&self) -> &[SkippedFile] {
        &self.skipped
    }

    /// A number that other files, labels, classes or another shape are unlikely to have (CRC-32).
    ///
    /// ```
    /// use fastburn::vision::{Images, Splits};
    ///
    /// let digits = Splits::digits()?;
    /// let [train, valid] = [&digits.train, &digits.valid].map(|part| Images::decode(part));
    /// assert_ne!(train?.checksum()?, valid?.checksum()?);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the images are streamed and a file that has not been read yet cannot be,
    /// [`Error::Data`] if it changed.
    pub fn checksum(&self) -> Result<u32> {
        let mut crc = crc32fast::Hasher::new();
        crc.update(format!("{:?} {:?}", self.shape(), self.classes()).as_bytes());
        self.labels().iter().for_each(|label| crc.update(&label.to_le_bytes()));
        let mut add = |contents: &[u32]| {
            contents.iter().for_each(|content| crc.update(&content.to_le_bytes()));
        };
        match &self.pixels {
            Pixels::InMemory(_, contents) => add(contents),
            Pixels::Streamed(streamed) => add(&streamed.contents()?),
        }
        Ok(crc.finalize())
    }

    /// The pixels of image `index`, in row-major order, 0 to 255.
    ///
    /// # Errors
    ///
    /// As [`ImageFolder::image`] if the images are streamed, and [`Error::Data`] if the file has
    /// changed since it was first read.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    pub fn pixels(&self, index: usize) -> Result<Cow<'_, [u8]>> {
        let size = self.format.len();
        match &self.pixels {
            Pixels::InMemory(pixels, _) => Ok(Cow::Borrowed(&pixels[index * size..][..size])),
            Pixels::Streamed(streamed) => streamed.image(index).map(Cow::Owned),
        }
    }

    /// Does something with the pixels of some images.
    pub(super) fn with<R>(&self, indices: &[u32], work: impl FnOnce(&[&[u8]]) -> R) -> Result<R> {
        let size = self.format.len();
        match &self.pixels {
            Pixels::InMemory(pixels, _) => {
                let image = |&index: &u32| &pixels[index as usize * size..][..size];
                Ok(work(&indices.iter().map(image).collect::<Vec<_>>()))
            }
            Pixels::Streamed(streamed) => {
                let pixels = streamed.take(indices)?;
                Ok(work(&pixels.chunks_exact(size).collect::<Vec<_>>()))
            }
        }
    }

    /// Says which images are wanted next, in which batches.
    pub(super) fn expect(&self, upcoming: &[&[u32]]) {
        if let Pixels::Streamed(streamed) = &self.pixels {
            streamed.expect(upcoming);
        }
    }

    /// Goes through all images in their order, some at once: their indices, and their pixels.
    pub(crate) fn in_turn(
        &self,
        at_once: usize,
        mut each: impl FnMut(&[u32], &[&[u8]]) -> Result<()>,
    ) -> Result<()> {
        let every: Vec<u32> = (0..).take(self.len()).collect();
        let batches: Vec<_> = every.chunks(at_once.max(1)).collect();
        for (index, batch) in batches.iter().enumerate() {
            self.with(batch, |pixels| {
                self.expect(&batches[index + 1..batches.len().min(index + 1 + UPCOMING)]);
                each(batch, pixels)
            })??;
        }
        Ok(())
    }

    /// The class index of each image.
    pub fn labels(&self) -> &[u32] {
        self.folder.labels()
    }

    /// The classes' names; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        self.folder.classes()
    }
}

impl Dataset<ImageItem> for Images {
    fn get(&self, index: usize) -> Result<ImageItem, DatasetError> {
        let pixels = self.pixels(index).map_err(DatasetError::new)?.into_owned();
        Ok(ImageItem { pixels, shape: self.shape(), label: self.labels()[index] })
    }

    fn len(&self) -> usize {
        self.labels().len()
    }
}
