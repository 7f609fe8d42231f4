//! The images of a data set, in one format.

use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};

use super::augment::Augment;
use super::open::ImageFolder;
use super::progress::SkippedFile;
use super::read::streamed::StreamedImages;
use super::spec::{ImageItem, ImageSpec};
use crate::data::UPCOMING;
use crate::error::Result;

/// The images of a data set, in one format: in memory, or streamed if they do not fit in memory.
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
/// This is also a Burn [`Dataset`]. Unlike an [`ImageFolder`], it does not decode the images again
/// in each epoch, unless they are streamed.
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
    pub(super) pixels: Pixels,
    skipped: Arc<Vec<SkippedFile>>,
    augment: Option<Arc<Augment>>,
    pub(super) presized: Option<WholePictures>,
}

/// Whole pictures at one size, of which the images show a part.
#[derive(Debug, Clone)]
pub(super) struct WholePictures {
    /// The `[height, width]` at which the pictures are kept.
    pub size: [usize; 2],
    /// The `[height, width]` of each picture in its file, for its proportions.
    pub pictures: Arc<Vec<[u32; 2]>>,
}

/// The storage of the pixels.
#[derive(Debug, Clone)]
pub(super) enum Pixels {
    /// All pixels in one buffer, and the checksum of each file's contents.
    InMemory(Arc<Vec<u8>>, Arc<Vec<u32>>),
    /// In the files, decoded when needed.
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
        Self {
            folder: folder.into(),
            format,
            pixels,
            skipped: skipped.into(),
            augment: None,
            presized: None,
        }
    }

    pub(super) fn streamed(
        folder: Arc<ImageFolder>,
        format: ImageSpec,
        streamed: StreamedImages,
        skipped: Vec<SkippedFile>,
    ) -> Self {
        Self {
            folder,
            format,
            pixels: Pixels::Streamed(streamed),
            skipped: skipped.into(),
            augment: None,
            presized: None,
        }
    }

    /// Says that the pixels are those of whole pictures at a size `[height, width]`, and what size
    /// each picture had.
    pub(super) fn presized(mut self, size: [usize; 2], pictures: Vec<[u32; 2]>) -> Self {
        self.presized = Some(WholePictures { size, pictures: pictures.into() });
        self
    }

    /// Sets what happens to the images in training. Images for validation need the same policy only
    /// for test-time augmentation: [`DataLoaders::from_images`](crate::data::DataLoaders::from_images)
    /// gives them that of the training images.
    ///
    /// ```
    /// use fastburn::data::{DataLoaders, class_indices};
    /// use fastburn::vision::augment::Augment;
    /// use fastburn::vision::{ReadOptions, Splits};
    ///
    /// let device = fastburn::device::cpu()?;
    /// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
    /// let train = train.augment(Augment::digits());
    /// let dls = DataLoaders::from_images(train, valid, class_indices, &device);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn augment(mut self, augment: Augment) -> Self {
        self.augment = Some(augment.into());
        self
    }

    /// Returns what happens to the images in training, if anything does.
    pub fn augmentation(&self) -> Option<&Augment> {
        self.augment.as_deref().filter(|augment| !augment.is_none())
    }

    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.labels().len()
    }

    /// Returns whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels().is_empty()
    }

    /// Returns the shape of each image, `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        self.format.shape()
    }

    /// Returns the format of the images.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Returns whether images are decoded each time they are needed, because they exceed the memory
    /// budget. See [`ReadOptions::memory`](super::ReadOptions::memory).
    pub fn is_streamed(&self) -> bool {
        matches!(self.pixels, Pixels::Streamed(_))
    }

    /// Returns the files, without skipped ones. Image `index` comes from file `index`.
    pub fn folder(&self) -> &ImageFolder {
        &self.folder
    }

    /// Returns the skipped files. See [`ReadOptions::skip_bad`](super::ReadOptions::skip_bad).
    pub fn skipped(&self) -> &[SkippedFile] {
        &self.skipped
    }

    /// Returns a fingerprint (CRC-32) of the file contents, labels, classes and image shape.
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
    /// For streamed images: [`Error::Read`](crate::Error::Read) if a file that was not read before
    /// cannot be read, [`Error::Data`](crate::Error::Data) if a file changes meanwhile.
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

    /// Announces the next batches, so that streamed images can be decoded ahead.
    pub(super) fn expect(&self, upcoming: &[&[u32]]) {
        if let Pixels::Streamed(streamed) = &self.pixels {
            streamed.expect(upcoming);
        }
    }

    /// Calls `each` with the indices and pixels of all images in order, `at_once` at a time.
    pub(crate) fn for_each_batch(
        &self,
        at_once: usize,
        mut each: impl FnMut(&[u32], &[&[u8]]) -> Result<()>,
    ) -> Result<()> {
        let all: Vec<u32> = (0..).take(self.len()).collect();
        let batches: Vec<_> = all.chunks(at_once.max(1)).collect();
        for (index, batch) in batches.iter().enumerate() {
            self.with(batch, |pixels| {
                self.expect(&batches[index + 1..batches.len().min(index + 1 + UPCOMING)]);
                each(batch, pixels)
            })??;
        }
        Ok(())
    }

    /// Returns the class index of each image.
    pub fn labels(&self) -> &[u32] {
        self.folder.labels()
    }

    /// Returns the class names; a label is an index into them.
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
