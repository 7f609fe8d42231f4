//! The training and validation parts of a data set, found by name or split at random.

use std::collections::{BTreeMap, HashSet};

use rand::seq::SliceRandom;

use super::image_files::{Extensions, add};
use super::image_folder::ImageFolder;
use crate::error::{Error, Result};
use crate::printable::{list_of, short_number};
use crate::seed::{Seed, Stream};

/// The training images, and the validation images if the data set defines them.
#[derive(Debug)]
pub(in crate::vision) struct Listing {
    /// The data set, as messages name it.
    pub place: String,
    pub train: ImageFolder,
    pub valid: Option<ImageFolder>,
    /// The files that are not images, counted by extension.
    pub ignored: Extensions,
}

impl Listing {
    /// Creates a listing. A class that is in only one part is an error.
    pub fn new(place: String, train: ImageFolder, valid: Option<ImageFolder>) -> Result<Self> {
        if let Some(valid) = &valid {
            same_classes(&train, valid)?;
        }
        let mut ignored = train.ignored_files().clone();
        valid.iter().for_each(|valid| add(&mut ignored, valid.ignored_files()));
        Ok(Self { place, train, valid, ignored })
    }

    /// Iterates over its parts.
    pub fn iter(&self) -> impl Iterator<Item = &ImageFolder> {
        std::iter::once(&self.train).chain(&self.valid)
    }
}

/// A training and a validation set with the same classes.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::vision::Splits;
///
/// let digits = Splits::digits()?;
/// assert_eq!((digits.train.len(), digits.valid.len()), (6000, 1000));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Splits {
    pub(in crate::vision) place: String,
    /// The training images.
    pub train: ImageFolder,
    /// The validation images.
    pub valid: ImageFolder,
    pub(in crate::vision) ignored: Extensions,
}

impl Splits {
    /// The fraction of each class that is held back if a data set has no validation part.
    pub const VALID_FRACTION: f64 = 0.2;

    /// Returns the parts of a listing. Without a validation part, a random one is split off.
    pub(in crate::vision) fn of(listing: Listing, seed: Seed) -> Result<Self> {
        several_classes(&listing.train)?;
        let Listing { place, train, valid, ignored } = listing;
        match valid {
            Some(valid) => Ok(Self { place, train, valid, ignored }),
            None => {
                let splits = Self::by_fraction(&train, Self::VALID_FRACTION, seed)?;
                Ok(Self { ignored, ..splits })
            }
        }
    }

    /// Holds back a fraction of each class for validation, drawn at random with the seed.
    ///
    /// Each part has at least one image of each class.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the fraction is not between 0 and 1, [`Error::Data`] if a class has
    /// a single image.
    pub fn by_fraction(folder: &ImageFolder, fraction: f64, seed: impl Into<Seed>) -> Result<Self> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::setting(
                "validation fraction",
                short_number(fraction),
                "a number between 0 and 1",
            ));
        }
        let seed = seed.into();
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        for (label, (class, mut of_class)) in
            (0..).zip(folder.classes().iter().zip(folder.by_class()))
        {
            if of_class.len() < 2 {
                return Err(Error::data(
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
            ignored: Extensions::new(),
        })
    }

    /// Returns only the images of the named classes, which become classes 0, 1, … in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such class.
    pub fn with_classes(&self, names: &[&str]) -> Result<Self> {
        Ok(Self {
            place: self.place.clone(),
            train: self.train.with_classes(names)?,
            valid: self.valid.with_classes(names)?,
            ignored: self.ignored.clone(),
        })
    }

    /// Returns all images of both parts, the training images first.
    pub fn joined(self) -> ImageFolder {
        self.train.joined(self.valid)
    }

    /// Returns the data set, as messages name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns the number of files that were skipped for not having an image extension, by their
    /// extension, in lower case and empty for none.
    pub fn ignored_files(&self) -> &BTreeMap<String, usize> {
        &self.ignored
    }
}

/// Checks that there is more than one class.
fn several_classes(images: &ImageFolder) -> Result<()> {
    match images.classes() {
        [class] => {
            Err(Error::data(images.place(), format!("one class, {class}; at least two are needed")))
        }
        _ => Ok(()),
    }
}

fn same_classes(train: &ImageFolder, valid: &ImageFolder) -> Result<()> {
    for (part, other) in [(train, valid), (valid, train)] {
        let own: HashSet<_> = part.classes().iter().collect();
        let absent: Vec<_> = other.classes().iter().filter(|class| !own.contains(class)).collect();
        if !absent.is_empty() {
            let problem = format!("no class {}, which {} has", list_of(10, absent), other.place());
            return Err(Error::data(part.place(), problem));
        }
    }
    Ok(())
}
