//! A data set's images in one format.

use std::borrow::Cow;
use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};

use super::ahead::BATCHES;
use super::decoding::Decoded;
use super::files::File;
use super::image_folder::{ImageFolder, ImageItem};
use super::image_spec::ImageSpec;
use super::read::read;
use super::reading::Reading;
use super::streamed::Streamed;
use crate::error::{Error, Result};

/// Images of a data set, all of one format: in memory, or streamed where that is too small.
///
/// ```
/// use fastburn::data::{Images, Splits};
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
/// use fastburn::data::{Images, Splits};
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
    skipped: Arc<Vec<Skipped>>,
}

/// Where pixels are.
#[derive(Debug, Clone)]
enum Pixels {
    /// All in one buffer, and the checksum of each file's content.
    InMemory(Arc<Vec<u8>>, Arc<Vec<u32>>),
    /// In the files.
    Streamed(Streamed),
}

/// A file that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file, and the archive that holds it where there is one.
    pub file: String,
    /// Why it cannot be read as an image.
    pub reason: String,
}

impl Skipped {
    pub(super) fn new(file: &File, error: &Error) -> Self {
        let reason = match error {
            Error::Image { reason, .. } => reason.clone(),
            Error::Read { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        Self { file: file.to_string(), reason }
    }
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}

impl Images {
    /// Decodes every image of a folder as it is, on all threads: the short form of
    /// [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn decode(folder: &ImageFolder) -> Result<Self> {
        Self::read(folder, &Reading::new(), &|_, _| {})
    }

    /// Reads every image of a folder, on all threads; `progress` is told, now and then and from
    /// any thread, how many images are done, of how many.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is not a whole PNG or JPEG, [`Error::Read`] if a
    /// file cannot be read, [`Error::Mixed`] if images differ in what the reading does not settle,
    /// [`Error::Setting`] if it asks for what no image can be, [`Error::Layout`] if there is no
    /// image, or none of a class is left.
    pub fn read(
        folder: &ImageFolder,
        reading: &Reading,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self> {
        read(&[folder], reading, progress)?
            .pop()
            .ok_or_else(|| Error::layout(folder.place(), "no images"))
    }

    pub(super) fn in_memory(decoded: Decoded, format: ImageSpec) -> Self {
        let Decoded { folder, pixels, contents, skipped } = decoded;
        Self {
            folder: folder.into(),
            format,
            pixels: Pixels::InMemory(pixels.into(), contents.into()),
            skipped: skipped.into(),
        }
    }

    pub(super) fn streamed(
        folder: Arc<ImageFolder>,
        format: ImageSpec,
        streamed: Streamed,
        skipped: Vec<Skipped>,
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
    /// that they may take: see [`Reading::memory`].
    pub fn is_streamed(&self) -> bool {
        matches!(self.pixels, Pixels::Streamed(_))
    }

    /// The files, without those that were skipped: image `index` is of file `index`.
    pub fn folder(&self) -> &ImageFolder {
        &self.folder
    }

    /// The files that were left out: see [`Reading::skip_bad`].
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// A number that other files, labels, classes or another shape are unlikely to have (CRC-32).
    ///
    /// ```
    /// use fastburn::data::{Images, Splits};
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
    /// [`Error::Layout`] if it changed.
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
    /// As [`ImageFolder::image`] if the images are streamed, and [`Error::Layout`] if the file has
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
                self.expect(&batches[index + 1..batches.len().min(index + 1 + BATCHES)]);
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
