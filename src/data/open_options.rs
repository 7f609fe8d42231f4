//! How a data set is found and listed.

use std::path::Path;

use super::files::Folder;
use super::image_folder::ImageFolder;
use super::splits::Splits;
use crate::archive::ArchiveLimits;
use crate::error::Result;
use crate::seed::Seed;

/// What can be said of a data set before it is opened; [`Splits::open`] is the short form.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::data::{ArchiveLimits, OpenOptions};
///
/// let limits = ArchiveLimits { bytes: 1 << 30, ..ArchiveLimits::default() };
/// let digits = OpenOptions::new().archive_limits(limits).open("assets/digits.tgz")?;
/// assert_eq!((digits.train.len(), digits.valid.len()), (6000, 1000));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    seed: Seed,
    limits: ArchiveLimits,
}

impl OpenOptions {
    /// Seed 0, and the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws the validation part by that seed, where the data does not say which it is.
    pub fn seed(mut self, seed: impl Into<Seed>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Other limits of what an archive may hold.
    pub fn archive_limits(mut self, limits: ArchiveLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Finds the two parts of a folder or archive, as [`Splits::open`].
    ///
    /// # Errors
    ///
    /// As [`Splits::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Splits> {
        Splits::find(&Folder::open(path.as_ref(), &self.limits)?, self.seed)
    }

    /// As [`open`](Self::open), of a `.tgz`, `.tar` or `.zip` archive in memory; `name` stands for
    /// it in messages.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use fastburn::data::OpenOptions;
    ///
    /// let bytes = std::fs::read("assets/digits.tgz")?; // or include_bytes!
    /// let digits = OpenOptions::new().open_bytes("the digits", &bytes)?;
    /// assert_eq!(digits.train.len(), 6000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Splits::open`].
    pub fn open_bytes(&self, name: &str, bytes: &[u8]) -> Result<Splits> {
        Splits::find(&Folder::from_bytes(name, bytes, &self.limits)?, self.seed)
    }

    /// Every image of a folder or archive: those of both parts, the training images first, where
    /// it has two.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use fastburn::data::OpenOptions;
    ///
    /// let images = OpenOptions::new().open_all("assets/digits.tgz")?;
    /// assert_eq!((images.len(), images.classes().len()), (7000, 10));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ImageFolder::open`], and [`Error::Layout`](crate::Error::Layout) if a class is in one
    /// part only.
    pub fn open_all(&self, path: impl AsRef<Path>) -> Result<ImageFolder> {
        Splits::all(&Folder::open(path.as_ref(), &self.limits)?)
    }
}
