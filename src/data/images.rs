//! A whole folder of images in one buffer.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataset::{Dataset, DatasetError};
use rayon::prelude::*;

use super::decode::{Picture, decode};
use super::files::File;
use super::image_folder::{ImageFolder, ImageItem};
use super::image_spec::ImageSpec;
use crate::error::{Error, Result};

/// Decoded images, all of one size, in one buffer.
///
/// If any is in colour, all have three channels.
///
/// ```
/// use fastburn::data::{Images, Splits};
///
/// let images = Images::decode(&Splits::digits()?.valid)?;
/// assert_eq!((images.len(), images.shape()), (1000, [1, 28, 28]));
/// assert_eq!(images.pixels(0).len(), 28 * 28);
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
    pixels: Vec<u8>,
    shape: [usize; 3],
    labels: Vec<u32>,
    classes: Vec<String>,
}

impl Images {
    /// Decodes every image of a folder, on all threads.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is not a whole PNG or JPEG, [`Error::Layout`] if
    /// two images differ in size, [`Error::Read`] if a file cannot be read.
    pub fn decode(folder: &ImageFolder) -> Result<Self> {
        Self::decode_with(folder, &|_, _| {})
    }

    /// As [`decode`](Self::decode); `progress` is told, now and then and from any thread, how
    /// many images are done, of how many.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_with(
        folder: &ImageFolder,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self> {
        let files = folder.files();
        let Some(first) = files.first() else {
            return Err(Error::layout(folder.place(), "no images"));
        };
        let shape = decode(first)?.shape;
        let (shape, pixels) = match decode_all(files, shape, progress)? {
            Some(pixels) => (shape, pixels),
            // The first was grey and another is in colour: begin again with three channels.
            None => {
                let shape = [3, shape[1], shape[2]];
                (shape, decode_all(files, shape, progress)?.unwrap_or_default())
            }
        };
        Ok(Self {
            pixels,
            shape,
            labels: folder.labels().to_vec(),
            classes: folder.classes().to_vec(),
        })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of each image: `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// What the images look like to a model.
    pub fn format(&self) -> ImageSpec {
        ImageSpec::new(self.shape)
    }

    /// A number that other images, labels or classes are unlikely to have (CRC-32).
    ///
    /// ```
    /// use fastburn::data::{Images, Splits};
    ///
    /// let digits = Splits::digits()?;
    /// let [train, valid] = [&digits.train, &digits.valid].map(|part| Images::decode(part));
    /// assert_ne!(train?.checksum(), valid?.checksum());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn checksum(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(format!("{:?} {:?}", self.shape, self.classes).as_bytes());
        self.labels.iter().for_each(|label| crc.update(&label.to_le_bytes()));
        crc.update(&self.pixels);
        crc.finalize()
    }

    /// The pixels of image `index`, in row-major order, 0 to 255.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    pub fn pixels(&self, index: usize) -> &[u8] {
        let size: usize = self.shape.iter().product();
        &self.pixels[index * size..][..size]
    }

    /// The pixels of all images, one after the other.
    pub(super) fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The class index of each image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The classes' names; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
}

impl Dataset<ImageItem> for Images {
    fn get(&self, index: usize) -> Result<ImageItem, DatasetError> {
        let pixels = self.pixels(index).to_vec();
        Ok(ImageItem { pixels, shape: self.shape, label: self.labels[index] })
    }

    fn len(&self) -> usize {
        self.labels.len()
    }
}

/// Decodes all files into one buffer; `None` if one is in colour and `shape` has no room for it.
fn decode_all(
    files: &[File],
    shape: [usize; 3],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Option<Vec<u8>>> {
    /// Often enough for a bar, seldom enough to cost nothing.
    const TELL_EVERY: usize = 512;

    enum Trouble {
        Colour,
        Failed(Error),
    }

    let size: usize = shape.iter().product();
    let mut pixels = Vec::new();
    let room = size.checked_mul(files.len()).filter(|&n| pixels.try_reserve_exact(n).is_ok());
    let Some(room) = room else {
        let problem = format!("{} images of {size} bytes do not fit into memory", files.len());
        return Err(Error::layout(&files[0], problem));
    };
    pixels.resize(room, 0);
    let done = AtomicUsize::new(0);
    let decode_into = |slot: &mut [u8], file: &File| {
        let picture = decode(file).map_err(Trouble::Failed)?;
        match (picture.shape, shape) {
            (found, wanted) if found == wanted => slot.copy_from_slice(&picture.pixels),
            ([1, h, w], [3, height, width]) if (h, w) == (height, width) => {
                slot.chunks_exact_mut(h * w).for_each(|c| c.copy_from_slice(&picture.pixels));
            }
            ([3, h, w], [1, height, width]) if (h, w) == (height, width) => {
                return Err(Trouble::Colour);
            }
            _ => return Err(Trouble::Failed(sizes_differ(&files[0], shape, file, &picture))),
        }
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(TELL_EVERY) || count == files.len() {
            progress(count, files.len());
        }
        Ok(())
    };
    // Which thread meets trouble first is chance; the one with the lowest index is reported.
    let trouble = pixels
        .par_chunks_exact_mut(size)
        .zip(files)
        .enumerate()
        .filter_map(|(index, (slot, file))| decode_into(slot, file).err().map(|e| (index, e)))
        .min_by_key(|(index, _)| *index);
    match trouble {
        None => Ok(Some(pixels)),
        Some((_, Trouble::Colour)) => Ok(None),
        Some((_, Trouble::Failed(error))) => Err(error),
    }
}

fn sizes_differ(first: &File, expected: [usize; 3], other: &File, found: &Picture) -> Error {
    let [_, height, width] = expected;
    let [_, other_height, other_width] = found.shape;
    Error::layout(
        other,
        format!(
            "{other_width}×{other_height} pixels, but {first} has {width}×{height}; \
             bring all images to one size"
        ),
    )
}
