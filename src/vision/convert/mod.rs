//! A data set in another form: folders of PNGs, or MNIST's IDX files.

mod idx_files;
mod png_folders;

use std::path::Path;

use super::open::OpenOptions;
use super::progress::SkippedFile;
pub use super::progress::Watch;
use super::progress::WrittenData;
use super::read::ReadOptions;
use super::tree::DataFolder;
use crate::error::{Error, Result};
use crate::files::atomic;

/// What a data set is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// A PNG an image, in a folder a class, in `training` and `testing` if the data has two parts.
    Png,
    /// `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and the same of `t10k` if the data
    /// has two parts: grey images of one size.
    Idx {
        /// Whether each file is packed, as `.gz`.
        gzip: bool,
    },
}

/// What was written.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// How many images there are to train on: all of them, if the data does not say.
    pub train: usize,
    /// How many images there are to validate on, if the data says which.
    pub valid: Option<usize>,
    /// The files that were left out: see [`ReadOptions::skip_bad`].
    pub skipped: Vec<SkippedFile>,
    /// Each class, and what stands for it: the name of its folder, or its number.
    pub classes: Vec<(String, String)>,
}

impl OpenOptions {
    /// Writes the data set of a folder or archive in another form, as the folder `out`: the whole of
    /// it, or nothing.
    ///
    /// Parts and classes stay as they are; data without a validation part is written without one.
    /// Pixels are as they are [`read`](ReadOptions): to write a small set of large photos once, give a
    /// size. PNGs keep the files' names where there are any, and are numbered where there are none;
    /// names that no folder can have are changed. In IDX, classes that are called by numbers keep
    /// them; others are numbered, and `classes.txt` names them.
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
    /// [`Error::Write`] if `out` is there already or within the data, cannot be written, or `watch` ends it;
    /// [`Error::Mixed`] and [`Error::Data`] if the images do not go into that form; and as
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
            let problem =
                format!("it is within {}, which it would add to", data.as_ref().display());
            let problem = std::io::Error::new(std::io::ErrorKind::InvalidInput, problem);
            return Err(Error::write(out)(problem));
        }
        options.check()?;
        let listing = self.listing(&DataFolder::open(data.as_ref(), &self.limits)?)?;
        let written = match to {
            DataFormat::Png => png_folders::write(&listing, out, options, watch)?,
            DataFormat::Idx { gzip } => idx_files::write(&listing, out, gzip, options, watch)?,
        };
        let WrittenData { names, counts, skipped } = written;
        let classes = listing.train.classes().iter().cloned().zip(names).collect();
        let (train, valid) = (counts.first().copied().unwrap_or(0), counts.get(1).copied());
        Ok(Conversion { train, valid, skipped, classes })
    }
}

/// Whether a place that is not there yet is in a folder, however both are called.
fn is_within(place: &Path, folder: &Path) -> bool {
    let around = atomic::parent(place).canonicalize();
    around.is_ok_and(|around| folder.canonicalize().is_ok_and(|folder| around.starts_with(folder)))
}
