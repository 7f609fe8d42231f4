//! Opening a data set: where its files are, and which part and class each is of.
//!
//! [`OpenOptions`] says what is known beforehand, then how the data is laid out is found
//! ([`layout`], [`idx_set`], [`labelled`]), and [`Splits`] are the two parts, each an
//! [`ImageFolder`]. Nothing is decoded here.

mod idx;
mod idx_set;
mod image_files;
mod image_folder;
mod labelled;
mod labels_csv;
mod layout;
mod selection;
mod splits;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use self::idx::Idx;
pub(super) use self::idx_set::{CLASSES, IdxContent};
pub use self::image_files::image_files;
pub(super) use self::image_files::{Extensions, PassedOverFiles, add, images_among};
pub use self::image_folder::ImageFolder;
#[cfg(feature = "download")]
pub(crate) use self::layout::unwrapped_path;
pub(super) use self::layout::{Layout, Parts, pair};
pub(super) use self::splits::Listing;
pub use self::splits::Splits;
use crate::archive::ArchiveLimits;
use crate::error::Result;
use crate::seed::Seed;
use crate::vision::tree::{Contents, DataFolder};

/// The archive of `assets/`, in MNIST's layout.
pub(crate) const DIGITS: &[u8] = include_bytes!("../../../assets/digits.tgz");

/// What can be said of a data set before it is opened; [`Splits::open`] is the short form.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::archive::ArchiveLimits;
/// use fastburn::vision::OpenOptions;
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
    pub(super) labels: Option<PathBuf>,
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
    /// use fastburn::vision::{OpenOptions, Splits};
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
        self.splits(&DataFolder::open(path.as_ref(), &self.limits)?)
    }

    /// As [`open`](Self::open), of a `.tgz`, `.tar` or `.zip` archive in memory; `name` stands for
    /// it in messages.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use fastburn::vision::OpenOptions;
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
        self.splits(&DataFolder::from_bytes(name, bytes, &self.limits)?)
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
    /// use fastburn::vision::OpenOptions;
    ///
    /// let images = OpenOptions::new().open_all("assets/digits.tgz")?;
    /// assert_eq!((images.len(), images.classes().len()), (7000, 10));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ImageFolder::open`], and [`Error::Data`](crate::Error::Data) if a class is in one
    /// part only.
    pub fn open_all(&self, path: impl AsRef<Path>) -> Result<ImageFolder> {
        let folder = DataFolder::open(path.as_ref(), &self.limits)?;
        let Listing { train, valid, .. } = self.listing(&folder)?;
        Ok(match valid {
            Some(valid) => train.joined(valid),
            None => train,
        })
    }

    fn splits(&self, folder: &DataFolder) -> Result<Splits> {
        Splits::of(self.listing(folder)?, self.seed)
    }

    /// What is there, of each class as much as is wanted.
    pub(super) fn listing(&self, folder: &DataFolder) -> Result<Listing> {
        let listing = match &self.labels {
            Some(table) => list_by_table(table, folder)?,
            None => list(folder)?,
        };
        let Some(count) = self.max_per_class else { return Ok(listing) };
        let some = |images: ImageFolder| images.max_per_class(count, self.seed);
        let Listing { train, valid, .. } = listing;
        Ok(Listing { train: some(train), valid: valid.map(some), ..listing })
    }
}

impl Splits {
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
    /// As [`ImageFolder::open`], and [`Error::Data`] if there is a single class, a class is in
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
}

/// Lists a data set by the names of its folders, by its IDX files, or by the table of labels that
/// is there in place of folders.
pub(in crate::vision) fn list(folder: &DataFolder) -> Result<Listing> {
    if let Some(found) = without_class_folders(folder)? {
        return Ok(found);
    }
    let Layout { top, parts, .. } = Layout::of(folder)?;
    let place = top.to_string();
    match parts {
        Parts::Two { train, valid } => {
            Listing::new(place, ImageFolder::list(&train)?, Some(ImageFolder::list(&valid)?))
        }
        _ => Listing::new(place, ImageFolder::list(&top)?, None),
    }
}

/// Lists a data set by a table of labels that is a file of its own.
pub(in crate::vision) fn list_by_table(table: &Path, folder: &DataFolder) -> Result<Listing> {
    labelled::by_table(table, folder)
}

/// Lists IDX files, or images that a table among them labels; they may be in a folder around all.
pub(in crate::vision) fn without_class_folders(folder: &DataFolder) -> Result<Option<Listing>> {
    let Layout { top, level, .. } = Layout::find(folder);
    if let Some(found) = of_files(&top, &level)? {
        return Ok(Some(found));
    }
    match top.lone() {
        Some(inner) => of_files(&inner, &inner.level()),
        None => Ok(None),
    }
}

fn of_files(folder: &DataFolder, level: &Contents) -> Result<Option<Listing>> {
    if let Some(found) = idx_set::find(folder, &level.files)? {
        return Ok(Some(found));
    }
    let table = level.files.iter().find(|file| file.name() == Some(labelled::LABELS));
    match table.filter(|_| !has_class_folders(folder, level)) {
        Some(table) => labelled::by_own_table(table, folder, &level.files).map(Some),
        None => Ok(None),
    }
}

/// Whether the sub-folders are classes, by themselves or within parts.
fn has_class_folders(folder: &DataFolder, level: &Contents) -> bool {
    match pair(&level.folders) {
        Some((train, _)) => !folder.folder(train).level().folders.is_empty(),
        None => level.folders.len() > 1,
    }
}
