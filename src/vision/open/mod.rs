//! Opening a data set: finding its files, and the part and class of each.
//!
//! [`OpenOptions`] configures it. The layout is detected ([`layout`], [`idx_set`], [`labelled`]).
//! The result is [`Splits`]: two parts, each an [`ImageFolder`]. Nothing is decoded here.

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
pub(super) use self::idx_set::{CLASSES, IdxKind};
pub use self::image_files::image_files;
pub(super) use self::image_files::{Extensions, IgnoredFiles, add, images_among};
pub use self::image_folder::ImageFolder;
#[cfg(feature = "download")]
pub(crate) use self::layout::unwrapped_path;
pub(super) use self::layout::{Layout, Parts, pair};
pub(super) use self::splits::Listing;
pub use self::splits::Splits;
use crate::archive::ArchiveLimits;
use crate::error::Result;
use crate::seed::Seed;
use crate::vision::data_files::{Contents, DataFolder};

/// The embedded archive `assets/digits.tgz`, in MNIST's layout.
pub(crate) const DIGITS: &[u8] = include_bytes!("../../../assets/digits.tgz");

/// Options for opening a data set. [`Splits::open`] uses the defaults.
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
    /// Creates options with seed 0 and the default archive limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the random seed (default: 0) of the validation split and of
    /// [`max_per_class`](Self::max_per_class).
    pub fn seed(mut self, seed: impl Into<Seed>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Sets limits on the contents of an archive.
    pub fn archive_limits(mut self, limits: ArchiveLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes the classes from a CSV of labels instead of from folders.
    ///
    /// The CSV has one image per line. The file is in the column `file`, `name`, `path` or similar,
    /// otherwise in the first. The class is in the column `label`, `class` or similar, otherwise in
    /// the second. Paths are relative to the folder or archive, or to the folder of the CSV if the
    /// first file is not there. A column `is_valid` (true, false, 1, 0) or `split` (train, valid,
    /// test) assigns images to parts. Without one, folders such as `train/` and `valid/` do so if
    /// all paths begin with one. `test` is the validation part if there is no `valid`.
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

    /// Limits the images per class, in each part if the data set has two, for quick experiments.
    /// They are sampled with the seed. A larger limit includes the images of a smaller one.
    pub fn max_per_class(mut self, count: NonZeroUsize) -> Self {
        self.max_per_class = Some(count);
        self
    }

    /// Opens a folder or archive as [`Splits::open`] does, with these options.
    ///
    /// # Errors
    ///
    /// Those of [`Splits::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Splits> {
        self.splits(&DataFolder::open(path.as_ref(), &self.limits)?)
    }

    /// Opens a `.tgz`, `.tar` or `.zip` archive in memory. `name` stands for it in messages.
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
    /// Those of [`Splits::open`].
    pub fn open_bytes(&self, name: &str, bytes: &[u8]) -> Result<Splits> {
        self.splits(&DataFolder::from_bytes(name, bytes, &self.limits)?)
    }

    /// Opens the bundled digits as [`Splits::digits`] does, with these options.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn digits(&self) -> Result<Splits> {
        let place = "the bundled digits";
        Ok(Splits { place: place.to_owned(), ..self.open_bytes(place, DIGITS)? })
    }

    /// Opens all images of a folder or archive. If it has two parts, the training images come
    /// first.
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
    /// Those of [`ImageFolder::open`], and [`Error::Data`](crate::Error::Data) if a class is in
    /// only one part.
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

    /// Lists the images, limited to [`max_per_class`](Self::max_per_class).
    pub(super) fn listing(&self, folder: &DataFolder) -> Result<Listing> {
        let listing = match &self.labels {
            Some(table) => list_by_table(table, folder)?,
            None => list(folder)?,
        };
        let Some(count) = self.max_per_class else { return Ok(listing) };
        let limited = |images: ImageFolder| images.max_per_class(count, self.seed);
        let Listing { train, valid, .. } = listing;
        Ok(Listing { train: limited(train), valid: valid.map(limited), ..listing })
    }
}

impl Splits {
    /// Opens a folder or archive as a training and a validation part.
    ///
    /// The training part is the folder `train` or `training`. The validation part is the first of
    /// `valid`, `val`, `validation`, `test` and `testing` that exists. Without these folders, the
    /// sub-folders are the classes, and a random [`VALID_FRACTION`](Self::VALID_FRACTION) of each
    /// class becomes the validation part. A folder that contains everything, such as `mnist_png/`
    /// in `mnist_png.tgz`, is entered.
    ///
    /// MNIST's IDX files are recognised by their names: `train-images-idx3-ubyte` and
    /// `train-labels-idx1-ubyte`, with `t10k` or `test` in place of `train` for the validation
    /// part, optionally with `.gz`. Classes are named by the lines of `classes.txt`, if it exists,
    /// otherwise by the numbers of the labels.
    ///
    /// A folder without class folders is read by its `labels.csv`, if it has one. See
    /// [`OpenOptions::labels`].
    ///
    /// # Errors
    ///
    /// Those of [`ImageFolder::open`], and [`Error::Data`](crate::Error::Data) if there is only one
    /// class, a class is in only one part, an IDX file does not match its header, or a CSV of
    /// labels is invalid.
    pub fn open(path: impl AsRef<Path>, seed: impl Into<Seed>) -> Result<Self> {
        OpenOptions::new().seed(seed).open(path)
    }

    /// Opens the bundled digits: 6,000 training and 1,000 validation images of 28×28 pixels, which
    /// are synthetic.
    ///
    /// # Errors
    ///
    /// Only if the embedded data is damaged.
    pub fn digits() -> Result<Self> {
        OpenOptions::new().digits()
    }
}

/// Lists a data set by its folders, its IDX files, or its own CSV of labels.
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

/// Lists a data set by a separate CSV of labels.
pub(in crate::vision) fn list_by_table(table: &Path, folder: &DataFolder) -> Result<Listing> {
    labelled::by_table(table, folder)
}

/// Lists a data set by its IDX files or its CSV of labels, which an outer folder may contain.
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

/// Returns whether the sub-folders are classes, or parts that contain classes.
fn has_class_folders(folder: &DataFolder, level: &Contents) -> bool {
    match pair(&level.folders) {
        Some((train, _)) => !folder.folder(train).level().folders.is_empty(),
        None => level.folders.len() > 1,
    }
}
