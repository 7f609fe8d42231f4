//! A data set's training and validation parts: found by name, or drawn by a seed.

use std::path::Path;

use burn::tensor::{Device, Int, Tensor};
use rand::seq::SliceRandom;

use super::data_loaders::DataLoaders;
use super::image_folder::ImageFolder;
use super::images::Images;
use super::listing::Listing;
use super::open_options::OpenOptions;
use super::read::read;
use super::reading::Reading;
use super::targets::class_indices;
use crate::error::{Error, Result};
use crate::seed::{Seed, Stream};

/// The archive of `assets/`, in MNIST's layout.
pub(crate) const DIGITS: &[u8] = include_bytes!("../../assets/digits.tgz");

/// A training and a validation set with the same classes.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::data::Splits;
///
/// let digits = Splits::digits()?;
/// assert_eq!((digits.train.len(), digits.valid.len()), (6000, 1000));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Splits {
    pub(super) place: String,
    /// The images to train on.
    pub train: ImageFolder,
    /// The images to validate on.
    pub valid: ImageFolder,
}

impl Splits {
    /// The share of the images that is held back where a data set has no validation part.
    pub const VALID_FRACTION: f64 = 0.2;

    /// Finds the two parts of a folder or archive.
    ///
    /// They are its folders `train` or `training`, and `valid`, `val`, `validation`, `test` or
    /// `testing`: the first of these that is there. Where it has none of them, its sub-folders are
    /// the classes, and [`VALID_FRACTION`](Self::VALID_FRACTION) of each class, drawn by `seed`, is
    /// for validation. A folder that has everything else in it, as `mnist_png/` in `mnist_png.tgz`,
    /// is gone into.
    ///
    /// A folder of MNIST's IDX files is known by their names: `train-images-idx3-ubyte`,
    /// `train-labels-idx1-ubyte`, and `t10k` or `test` in place of `train` for the validation part;
    /// as `.gz` too. The numbers of the labels name the classes, or the lines of `classes.txt`.
    ///
    /// A folder without class folders is read by its `labels.csv`, if it has one; see
    /// [`OpenOptions::labels`].
    ///
    /// # Errors
    ///
    /// As [`ImageFolder::open`], and [`Error::Layout`] if there is a single class, a class is in
    /// one part only, an IDX file is not what its header says, or a table of labels has a fault.
    pub fn open(path: impl AsRef<Path>, seed: impl Into<Seed>) -> Result<Self> {
        OpenOptions::new().seed(seed).open(path)
    }

    /// The digits that fastburn brings along: 6,000 and 1,000 drawn images of 28×28 pixels.
    ///
    /// # Errors
    ///
    /// Only if the program's own data is damaged.
    pub fn digits() -> Result<Self> {
        OpenOptions::new().digits()
    }

    pub(super) fn of(Listing { place, train, valid }: Listing, seed: Seed) -> Result<Self> {
        several_classes(&train)?;
        match valid {
            Some(valid) => Ok(Self { place, train, valid }),
            None => Self::by_fraction(&train, Self::VALID_FRACTION, seed),
        }
    }

    /// Holds a fraction of each class back for validation, drawn by the seed.
    ///
    /// Both parts keep at least one image of each class.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the fraction is not between 0 and 1, [`Error::Layout`] if a class has
    /// a single image.
    pub fn by_fraction(folder: &ImageFolder, fraction: f64, seed: impl Into<Seed>) -> Result<Self> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::setting(
                "the validation fraction",
                fraction,
                "it must be between 0 and 1",
            ));
        }
        let seed = seed.into();
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        for (label, (class, mut of_class)) in
            (0..).zip(folder.classes().iter().zip(folder.by_class()))
        {
            if of_class.len() < 2 {
                return Err(Error::layout(
                    folder.place(),
                    format!("class {class} has one image; a split needs at least two"),
                ));
            }
            let held_back = (of_class.len() as f64 * fraction).round() as usize;
            let held_back = held_back.clamp(1, of_class.len() - 1);
            of_class.shuffle(&mut seed.rng(Stream::Split, label));
            valid.extend_from_slice(&of_class[..held_back]);
            train.extend_from_slice(&of_class[held_back..]);
        }
        train.sort_unstable();
        valid.sort_unstable();
        Ok(Self {
            place: folder.place().to_owned(),
            train: folder.subset(&train),
            valid: folder.subset(&valid),
        })
    }

    /// Only the images of the named classes, which become classes 0, 1, … in the given order.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] if there is no such class.
    pub fn with_classes(&self, names: &[&str]) -> Result<Self> {
        Ok(Self {
            place: self.place.clone(),
            train: self.train.with_classes(names)?,
            valid: self.valid.with_classes(names)?,
        })
    }

    /// All images of both parts, the training images first.
    pub fn joined(self) -> ImageFolder {
        self.train.joined(self.valid)
    }

    /// The data set, as messages name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Reads both parts into one format: the training images and the validation images.
    ///
    /// What a [`Reading`] takes from the data is taken from the training images. `progress` is told
    /// how many images of both are done, of how many.
    ///
    /// # Errors
    ///
    /// As [`Images::read`]; the images of both parts must agree.
    pub fn read(
        &self,
        reading: &Reading,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(Images, Images)> {
        let parts = read(&[&self.train, &self.valid], reading, progress)?;
        match <[Images; 2]>::try_from(parts) {
            Ok([train, valid]) => Ok((train, valid)),
            Err(_) => Err(Error::layout(&self.place, "no images")),
        }
    }

    /// Reads both parts as they are into loaders of images `[batch, channels, height, width]` and class
    /// indices `[batch]`, for a model on `device`.
    ///
    /// Change the batch size and the order with [`DataLoaders`]' own methods; for other targets
    /// use [`DataLoaders::from_images`].
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Error::Setting`] if the batch size is 0.
    pub fn loaders(
        &self,
        batch_size: usize,
        seed: impl Into<Seed>,
        device: &Device,
    ) -> Result<DataLoaders<Tensor<4>, Tensor<1, Int>>> {
        let (train, valid) = self.read(&Reading::new(), &|_, _| {})?;
        DataLoaders::from_images(train, valid, class_indices, device)
            .shuffle(seed.into())
            .batch_size(batch_size)
    }
}

/// Refuses what leaves nothing to tell apart.
fn several_classes(images: &ImageFolder) -> Result<()> {
    match images.classes() {
        [class] => Err(Error::layout(
            images.place(),
            format!("one class, {class}; at least two sub-folders with images are needed"),
        )),
        _ => Ok(()),
    }
}
