//! The data set that an argument names.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fastburn::Error;
use fastburn::data::{DataCheck, ImageFolder, OpenOptions, Splits};

use super::archive_limits::Limits;
use super::bars;
use super::located::{self, Located, located};

/// What a DATA argument may be, as the help of every verb says it.
pub const DATA: &str =
    "A folder, .tgz, .tar or .zip of images, a name that `fastburn data list` shows, or a url";
/// The same, of an argument that may be left out.
pub const DATA_OR_DIGITS: &str = "A folder, .tgz, .tar or .zip of images, a name that `fastburn \
    data list` shows, or a url; the digits that it brings along unless given";

/// What can be said of a data set beside its name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    #[command(flatten)]
    source: Source,
    /// Use at most that many images of each class, for a quick trial
    #[arg(long, value_name = "IMAGES")]
    max_per_class: Option<NonZeroUsize>,
}

/// Where its files are, and what they are of.
#[derive(Debug, Clone, clap::Args)]
pub struct Source {
    /// A CSV that says each image's class, in place of folders; labels.csv is found by itself
    #[arg(long, value_name = "CSV")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
}

impl Options {
    /// The two parts of a data set, or the embedded digits' if none is named.
    pub fn splits(&self, data: Option<&Path>, seed: u64) -> Result<Splits> {
        let located = data.map(|data| located(data, self.source.limits.get())).transpose()?;
        let options = self.options().seed(seed);
        if let (None, Some(labels)) = (&located, &self.source.labels) {
            return Err(Error::Setting {
                name: "--labels",
                value: labels.display().to_string(),
                expected: "it needs the folder or archive that it is about; name it".to_owned(),
            }
            .into());
        }
        Ok(match located {
            Some(Located::Path(path)) => options.open(path)?,
            Some(Located::Digits) | None => options.digits()?,
        })
    }

    /// All images of a data set.
    pub fn all(&self, data: &Path) -> Result<ImageFolder> {
        Ok(match located(data, self.source.limits.get())? {
            Located::Path(path) => self.options().open_all(path)?,
            Located::Digits => self.options().digits()?.joined(),
        })
    }

    /// The folder or archive that it is.
    pub fn path(&self, data: &Path) -> Result<PathBuf> {
        located::path(data, self.source.limits.get())
    }

    /// How a data set is to be opened.
    pub fn options(&self) -> OpenOptions {
        match self.max_per_class {
            Some(count) => self.source.options().max_per_class(count),
            None => self.source.options(),
        }
    }
}

impl Source {
    /// What is wrong with a data set.
    pub fn check(&self, data: &Path) -> Result<DataCheck> {
        let path = located::path(data, self.limits.get())?;
        Ok(bars::while_decoding(|progress| self.options().check(path, progress))?)
    }

    fn options(&self) -> OpenOptions {
        let options = OpenOptions::new().archive_limits(self.limits.get());
        match &self.labels {
            Some(labels) => options.labels(labels),
            None => options,
        }
    }
}
