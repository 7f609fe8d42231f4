//! A data set in another form: folders of PNGs, or MNIST's IDX files.

mod idx_files;
mod names;
mod png_folders;

use std::path::Path;

use super::files::Folder;
use super::images::Skipped;
use super::open_options::OpenOptions;
use super::reading::Reading;
use crate::error::{Error, Result};
use crate::whole_file;
use crate::whole_folder;

/// What a data set is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
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
pub struct Converted {
    /// How many images there are to train on: all of them, if the data does not say.
    pub train: usize,
    /// How many images there are to validate on, if the data says which.
    pub valid: Option<usize>,
    /// The files that were left out: see [`Reading::skip_bad`].
    pub skipped: Vec<Skipped>,
    /// Each class, and what stands for it: the name of its folder, or its number.
    pub classes: Vec<(String, String)>,
}

/// Told how many images are done, of how many, from any thread; says whether to go on.
pub type Watch<'a> = dyn Fn(usize, usize) -> bool + Sync + 'a;

/// What was written of all parts.
#[derive(Debug, Default)]
struct Written {
    /// What stands for each class.
    names: Vec<String>,
    /// How many images of each part.
    counts: Vec<usize>,
    skipped: Vec<Skipped>,
}

impl OpenOptions {
    /// Writes the data set of a folder or archive in another form, as the folder `out`: the whole of
    /// it, or nothing.
    ///
    /// Parts and classes stay as they are; data without a validation part is written without one.
    /// Pixels are as they are [`read`](Reading): to write a small set of large photos once, give a
    /// size. PNGs keep the files' names where there are any, and are numbered where there are none;
    /// names that no folder can have are changed. In IDX, classes that are called by numbers keep
    /// them; others are numbered, and `classes.txt` names them.
    ///
    /// ```
    /// use fastburn::data::{Format, OpenOptions, Reading, Splits};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let out = folder.path().join("digits");
    /// let (to, as_they_are) = (Format::Idx { gzip: true }, Reading::new());
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
    /// [`Error::Mixed`] and [`Error::Layout`] if the images do not go into that form; and as
    /// [`open_all`](Self::open_all) and [`Images::read`](super::Images::read).
    pub fn convert(
        &self,
        data: impl AsRef<Path>,
        out: impl AsRef<Path>,
        to: Format,
        reading: &Reading,
        watch: &Watch<'_>,
    ) -> Result<Converted> {
        let out = out.as_ref();
        whole_folder::check(out)?;
        if is_within(out, data.as_ref()) {
            let problem =
                format!("it is within {}, which it would add to", data.as_ref().display());
            let problem = std::io::Error::new(std::io::ErrorKind::InvalidInput, problem);
            return Err(Error::write(out)(problem));
        }
        reading.check()?;
        let listing = self.listing(&Folder::open(data.as_ref(), &self.limits)?)?;
        let written = match to {
            Format::Png => png_folders::write(&listing, out, reading, watch)?,
            Format::Idx { gzip } => idx_files::write(&listing, out, gzip, reading, watch)?,
        };
        let Written { names, counts, skipped } = written;
        let classes = listing.train.classes().iter().cloned().zip(names).collect();
        let (train, valid) = (counts.first().copied().unwrap_or(0), counts.get(1).copied());
        Ok(Converted { train, valid, skipped, classes })
    }
}

/// Whether a place that is not there yet is in a folder, however both are called.
fn is_within(place: &Path, folder: &Path) -> bool {
    let around = whole_file::around(place).canonicalize();
    around.is_ok_and(|around| folder.canonicalize().is_ok_and(|folder| around.starts_with(folder)))
}

/// That `watch` said not to go on.
fn ended(out: &Path) -> Error {
    Error::write(out)(std::io::ErrorKind::Interrupted.into())
}
