//! How a data set is found and listed.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::check::{self, DataCheck};
use super::files::Folder;
use super::image_folder::ImageFolder;
use super::listing::Listing;
use super::splits::{DIGITS, Splits};
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
    pub(super) limits: ArchiveLimits,
    labels: Option<PathBuf>,
    max_per_class: Option<NonZeroUsize>,
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

    /// Takes the classes from a table of labels, a CSV, in place of folders.
    ///
    /// A line an image. The file is in the column `file`, `name`, `path` or the like, else in the
    /// first; its class is in the column `label`, `class` or the like, else in the second. Files are
    /// called from the folder or archive on, or from the table's own folder if the first file is not
    /// there. A column `is_valid` (true, false, 1, 0) or `split` (train, valid, test) says which part
    /// an image is of; without one, paths that all begin with `train/` and `valid/`, or the like,
    /// say it. `test` is the validation part if there is no `valid`.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use fastburn::data::{OpenOptions, Splits};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let table = folder.path().join("parity.csv");
    /// let rows = ["0/000.png,even", "1/000.png,odd", "2/000.png,even", "3/000.png,odd"];
    /// let rows = rows.map(|row| format!("training/{row}\n")).concat();
    /// std::fs::write(&table, "file,label\n".to_owned() + &rows).unwrap();
    ///
    /// let parity = OpenOptions::new().labels(&table).open("assets/digits.tgz")?;
    /// assert_eq!(parity.train.classes(), ["even", "odd"]);
    /// assert_eq!((parity.train.len(), parity.valid.len()), (2, 2)); // one of each held back
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn labels(mut self, table: impl AsRef<Path>) -> Self {
        self.labels = Some(table.as_ref().to_path_buf());
        self
    }

    /// Uses at most that many images of each class, in either part if the data has two: for quick
    /// trials. The seed draws them; a larger number gets these and others.
    pub fn max_per_class(mut self, count: NonZeroUsize) -> Self {
        self.max_per_class = Some(count);
        self
    }

    /// Finds the two parts of a folder or archive, as [`Splits::open`].
    ///
    /// # Errors
    ///
    /// As [`Splits::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Splits> {
        self.splits(&Folder::open(path.as_ref(), &self.limits)?)
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
        self.splits(&Folder::from_bytes(name, bytes, &self.limits)?)
    }

    /// The digits that fastburn brings along, as [`Splits::digits`].
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn digits(&self) -> Result<Splits> {
        let place = "the embedded digits";
        Ok(Splits { place: place.to_owned(), ..self.open_bytes(place, DIGITS)? })
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
        let folder = Folder::open(path.as_ref(), &self.limits)?;
        let Listing { train, valid, .. } = self.listing(&folder)?;
        Ok(match valid {
            Some(valid) => train.joined(valid),
            None => train,
        })
    }

    fn splits(&self, folder: &Folder) -> Result<Splits> {
        Splits::of(self.listing(folder)?, self.seed)
    }

    /// What is there, of each class as much as is wanted.
    pub(super) fn listing(&self, folder: &Folder) -> Result<Listing> {
        let listing = match &self.labels {
            Some(table) => Listing::labelled(table, folder)?,
            None => Listing::of(folder)?,
        };
        let Some(count) = self.max_per_class else { return Ok(listing) };
        let some = |images: ImageFolder| images.max_per_class(count, self.seed);
        let Listing { place, train, valid } = listing;
        Ok(Listing { place, train: some(train), valid: valid.map(some) })
    }

    /// Looks at every file of a folder or archive, on all threads, and says what is wrong with the
    /// data set: all of it, where [`open`](Self::open) stops at the first trouble.
    ///
    /// `progress` is told, now and then and from any thread, how many files are done, of how many.
    ///
    /// ```
    /// let check = fastburn::data::OpenOptions::new().check("assets/digits.tgz", &|_, _| {})?;
    /// assert!(check.is_fit());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Layout`](crate::Error::Layout) if there is no such folder, or the archive is
    /// damaged; [`Error::Read`](crate::Error::Read) if the operating system refuses to read it.
    pub fn check(
        &self,
        path: impl AsRef<Path>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<DataCheck> {
        let folder = Folder::open(path.as_ref(), &self.limits)?;
        let listing = match &self.labels {
            Some(table) => Some(Listing::labelled(table, &folder)?),
            None => Listing::without_class_folders(&folder)?,
        };
        Ok(check::check(&folder, listing, progress))
    }
}
