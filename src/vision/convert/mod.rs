//! Converting a data set to folders of PNGs, or to MNIST's IDX files.

mod idx_files;
mod png_folders;

use std::path::Path;

use super::data_files::DataFolder;
use super::open::OpenOptions;
use super::progress::SkippedFile;
pub use super::progress::Watch;
use super::progress::WrittenData;
use super::read::{ReadOptions, with_skip_remedy};
use crate::error::{Error, Result};
use crate::files::atomic;

/// The format that a data set is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// One PNG per image, one folder per class; in `training` and `testing` for data of two parts.
    Png,
    /// Grey images of one size in `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and the
    /// same for `t10k` if the data has two parts.
    Idx {
        /// Whether each file is compressed, as `.gz`.
        gzip: bool,
    },
}

/// The result of a conversion.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The number of training images: all images if the data has no validation part.
    pub train: usize,
    /// The number of validation images, if the data has a validation part.
    pub valid: Option<usize>,
    /// The files that were skipped: see [`ReadOptions::skip_bad`].
    pub skipped: Vec<SkippedFile>,
    /// Each class with the name of its folder, or with its label.
    pub classes: Vec<(String, String)>,
}

impl OpenOptions {
    /// Converts the data set of a folder or archive, and writes it to the folder `out`, completely
    /// or not at all.
    ///
    /// Parts and classes are kept; data without a validation part is written without one. Images
    /// are read with `options`: set a [`size`](ReadOptions::size) to shrink large photos once. PNGs
    /// keep the names of the original files, or are numbered if there are none. Names that a file
    /// system may refuse are changed. In IDX, class names that are all numbers are the labels;
    /// otherwise the classes are numbered, and `classes.txt` lists their names.
    ///
    /// ```
    /// use fastburn::vision::{DataFormat, OpenOptions, ReadOptions, Splits};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let out = folder.path().join("digits");
    /// let (to, as_they_are) = (DataFormat::Idx { gzip: true }, ReadOptions::new());
    /// let data = OpenOptions::new();
    /// let written = data.convert("assets/digits.tgz", &out, to, &as_they_are, &|_, _| true)?;
    /// assert_eq!((written.train, written.valid), (6000, Some(1000)));
    /// assert!(out.join("t10k-labels-idx1-ubyte.gz").exists());
    ///
    /// let same = Splits::open(&out, 42)?;
    /// assert_eq!(same.train.image(0)?, Splits::digits()?.train.image(0)?);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if `out` exists, is inside the data or cannot be written, or if `watch`
    /// returns `false`; [`Error::Data`] if the format cannot hold the images; and those of
    /// [`open_all`](Self::open_all) and [`Images::read`](super::Images::read).
    pub fn convert(
        &self,
        data: impl AsRef<Path>,
        out: impl AsRef<Path>,
        to: DataFormat,
        options: &ReadOptions,
        watch: &Watch<'_>,
    ) -> Result<Conversion> {
        let out = out.as_ref();
        atomic::check_vacant(out)?;
        if is_within(out, data.as_ref()) {
            let problem = format!("it is inside the data set {}", data.as_ref().display());
            let problem = std::io::Error::new(std::io::ErrorKind::InvalidInput, problem);
            return Err(Error::write(out)(problem));
        }
        options.check()?;
        let listing = self.listing(&DataFolder::open(data.as_ref(), &self.limits)?)?;
        let written = match to {
            DataFormat::Png => png_folders::write(&listing, out, options, watch),
            DataFormat::Idx { gzip } => idx_files::write(&listing, out, gzip, options, watch),
        };
        let WrittenData { names, counts, skipped } = written.map_err(with_skip_remedy)?;
        let classes = listing.train.classes().iter().cloned().zip(names).collect();
        let (train, valid) = (counts.first().copied().unwrap_or(0), counts.get(1).copied());
        Ok(Conversion { train, valid, skipped, classes })
    }
}

/// Returns whether a path that does not exist yet is inside a folder, by their canonical paths.
fn is_within(place: &Path, folder: &Path) -> bool {
    let around = atomic::parent(place).canonicalize();
    around.is_ok_and(|around| folder.canonicalize().is_ok_and(|folder| around.starts_with(folder)))
}
