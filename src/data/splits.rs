//! A data set's training and validation parts: found by name, or drawn by a seed.

use std::path::Path;

use burn::data::dataset::Dataset;
use burn::tensor::{Device, Int, Tensor};
use rand::seq::SliceRandom;

use super::files::Folder;
use super::image_folder::ImageFolder;
use super::images::Images;
use super::loader::DataLoaders;
use super::open_options::OpenOptions;
use super::read::read;
use super::reading::Reading;
use super::targets::class_indices;
use crate::error::{Error, Result};
use crate::seed::{Seed, Stream};

/// The names by which well-known data sets call their two parts.
const NAMES: [(&str, &str); 3] = [("training", "testing"), ("train", "valid"), ("train", "test")];

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
    /// They are its `training` and `testing`, `train` and `valid`, or `train` and `test` folders.
    /// Where it has none of these, its sub-folders are the classes, and
    /// [`VALID_FRACTION`](Self::VALID_FRACTION) of each class, drawn by `seed`, is for validation.
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
        let found = OpenOptions::new().open_bytes(place, DIGITS)?;
        Ok(Self { place: place.to_owned(), ..found })
    }

    /// Every image of both parts, where there are two.
    pub(super) fn all(folder: &Folder) -> Result<ImageFolder> {
        Ok(match Layout::of(folder)? {
            Layout::Parts { train, valid, .. } => train.joined(valid),
            Layout::Whole(images) => images,
        })
    }

    pub(super) fn find(folder: &Folder, seed: Seed) -> Result<Self> {
        match Layout::of(folder)? {
            Layout::Parts { place, train, valid } => {
                several_classes(&train)?;
                Ok(Self { place, train, valid })
            }
            Layout::Whole(images) => {
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
        for (label, class) in (0..).zip(folder.classes()) {
            let mut of_class: Vec<usize> =
                (0..folder.len()).filter(|&i| folder.labels()[i] == label).collect();
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

/// What is in a folder or archive.
enum Layout {
    /// A training and a validation part, of the same classes.
    Parts { place: String, train: ImageFolder, valid: ImageFolder },
    /// The classes themselves.
    Whole(ImageFolder),
}

impl Layout {
    fn of(folder: &Folder) -> Result<Self> {
        let is_part = |name: &str| NAMES.iter().any(|&(t, v)| t == name || v == name);
        if let Some((_, inner)) = folder.wrapper().filter(|(name, _)| !is_part(name)) {
            return Self::of(&inner);
        }
        let names = folder.folders()?;
        let has = |name: &str| names.iter().any(|n| n == name);
        if let Some((train, valid)) = NAMES.into_iter().find(|(t, v)| has(t) && has(v)) {
            let train = ImageFolder::list(&folder.folder(train))?;
            let valid = ImageFolder::list(&folder.folder(valid))?;
            same_classes(&train, &valid)?;
            return Ok(Self::Parts { place: folder.to_string(), train, valid });
        }
        // `train` beside `car` and `plane` is a class; `train` alone is half of a data set.
        let mut parts = NAMES.into_iter().flat_map(|(t, v)| [(t, v), (v, t)]);
        if names.iter().all(|name| is_part(name))
            && let Some((there, missing)) = parts.find(|(part, _)| has(part))
        {
            let problem = format!("a folder {there} without a folder {missing} beside it");
            return Err(Error::layout(folder, problem));
        }
        Ok(Self::Whole(ImageFolder::list(folder)?))
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

fn same_classes(train: &ImageFolder, valid: &ImageFolder) -> Result<()> {
    let missing = |from: &ImageFolder, there: &ImageFolder| {
        let absent = there.classes().iter().filter(|class| !from.classes().contains(class));
        absent.cloned().collect::<Vec<_>>().join(", ")
    };
    for (from, there) in [(train, valid), (valid, train)] {
        let absent = missing(from, there);
        if !absent.is_empty() {
            return Err(Error::layout(
                from.place(),
                format!("no class {absent}, which {} has", there.place()),
            ));
        }
    }
    Ok(())
}
