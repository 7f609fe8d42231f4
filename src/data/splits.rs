//! A data set's training and validation parts: found by name, or drawn by a seed.

use std::collections::HashSet;
use std::path::Path;

use burn::data::dataset::Dataset;
use burn::tensor::{Device, Int, Tensor};
use rand::seq::SliceRandom;

use super::files::Folder;
use super::image_folder::ImageFolder;
use super::images::Images;
use super::layout::{Layout, Parts};
use super::loader::DataLoaders;
use super::open_options::OpenOptions;
use super::some_of::some_of;
use super::targets::class_indices;
use crate::error::{Error, Result};
use crate::seed::{Seed, Stream};

/// The archive of `assets/`, in MNIST's layout.
const DIGITS: &[u8] = include_bytes!("../../assets/digits.tgz");

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
    place: String,
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
    /// # Errors
    ///
    /// As [`ImageFolder::open`], and [`Error::Layout`] if there is a single class or a class is in
    /// one part only.
    pub fn open(path: impl AsRef<Path>, seed: impl Into<Seed>) -> Result<Self> {
        OpenOptions::new().seed(seed).open(path)
    }

    /// The digits that fastburn brings along: 6,000 and 1,000 drawn images of 28×28 pixels.
    ///
    /// # Errors
    ///
    /// Only if the program's own data is damaged.
    pub fn digits() -> Result<Self> {
        let place = "the embedded digits";
        let found = Self::find(&Folder::from_bytes(place, DIGITS)?, Seed::new(0))?;
        Ok(Self { place: place.to_owned(), ..found })
    }

    /// Every image of both parts, where there are two.
    pub(super) fn all(folder: &Folder) -> Result<ImageFolder> {
        let Layout { top, parts, .. } = Layout::of(folder)?;
        Ok(match parts {
            Parts::Two { train, valid } => {
                let (train, valid) = of_the_same_classes(&train, &valid)?;
                train.joined(valid)
            }
            _ => ImageFolder::list(&top)?,
        })
    }

    pub(super) fn find(folder: &Folder, seed: Seed) -> Result<Self> {
        let Layout { top, parts, .. } = Layout::of(folder)?;
        match parts {
            Parts::Two { train, valid } => {
                let (train, valid) = of_the_same_classes(&train, &valid)?;
                several_classes(&train)?;
                Ok(Self { place: top.to_string(), train, valid })
            }
            _ => {
                let images = ImageFolder::list(&top)?;
                several_classes(&images)?;
                Self::by_fraction(&images, Self::VALID_FRACTION, seed)
            }
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
        let by_class = folder.by_class().into_iter().zip(folder.classes());
        for (label, (mut of_class, class)) in (0_u32..).zip(by_class) {
            if of_class.len() < 2 {
                return Err(Error::layout(
                    folder.place(),
                    format!("class {class} has one image; a split needs at least two"),
                ));
            }
            let held_back = (of_class.len() as f64 * fraction).round() as usize;
            let held_back = held_back.clamp(1, of_class.len() - 1);
            of_class.shuffle(&mut seed.rng(Stream::Split, label.into()));
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

    /// The data set, as messages name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Decodes both parts: the training images and the validation images.
    ///
    /// `progress` is told how many images of both are done, of how many.
    ///
    /// # Errors
    ///
    /// As [`Images::decode`], and [`Error::Layout`] if the two parts differ in image size.
    pub fn decode(&self, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<(Images, Images)> {
        let (of_train, total) = (self.train.len(), self.train.len() + self.valid.len());
        let train = Images::decode_with(&self.train, &|done, _| progress(done, total))?;
        let valid = Images::decode_with(&self.valid, &|done, _| progress(of_train + done, total))?;
        if train.shape() != valid.shape() {
            return Err(Error::layout(
                self.valid.place(),
                format!(
                    "images of [channels, height, width] {:?}, but those of {} are {:?}",
                    valid.shape(),
                    self.train.place(),
                    train.shape()
                ),
            ));
        }
        Ok((train, valid))
    }

    /// Decodes both parts into loaders of images `[batch, channels, height, width]` and class
    /// indices `[batch]`, for a model on `device`.
    ///
    /// Change the batch size and the order with [`DataLoaders`]' own methods; for other targets
    /// use [`DataLoaders::from_images`].
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and [`Error::Setting`] if the batch size is 0.
    pub fn loaders(
        &self,
        batch_size: usize,
        seed: impl Into<Seed>,
        device: &Device,
    ) -> Result<DataLoaders<Tensor<4>, Tensor<1, Int>>> {
        let (train, valid) = self.decode(&|_, _| {})?;
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

/// Lists both parts, and refuses a class that is in one of them only.
fn of_the_same_classes(train: &Folder, valid: &Folder) -> Result<(ImageFolder, ImageFolder)> {
    let (train, valid) = (ImageFolder::list(train)?, ImageFolder::list(valid)?);
    for (from, there) in [(&train, &valid), (&valid, &train)] {
        let has: HashSet<_> = from.classes().iter().collect();
        let absent: Vec<_> = there.classes().iter().filter(|class| !has.contains(class)).collect();
        if !absent.is_empty() {
            let problem = format!("no class {}, which {} has", some_of(10, absent), there.place());
            return Err(Error::layout(from.place(), problem));
        }
    }
    Ok((train, valid))
}
