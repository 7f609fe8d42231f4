//! The data set that an argument names.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fastburn::Error;
use fastburn::data::{ImageFolder, OpenOptions, Splits};

/// What can be said of a data set beside its name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// A CSV that says each image's class, in place of folders; labels.csv is found by itself
    #[arg(long, value_name = "CSV")]
    labels: Option<PathBuf>,
    /// Use at most that many images of each class, for a quick trial
    #[arg(long, value_name = "IMAGES")]
    max_per_class: Option<NonZeroUsize>,
}

impl Options {
    /// The two parts of a data set, or the embedded digits' if none is named.
    pub fn splits(&self, data: Option<&Path>, seed: u64) -> Result<Splits> {
        if let Some(path) = data {
            return Ok(self.options().seed(seed).open(path)?);
        }
        if let Some(labels) = &self.labels {
            let expected = "it needs the folder or archive that it is about; name it".to_owned();
            let value = labels.display().to_string();
            return Err(Error::Setting { name: "--labels", value, expected }.into());
        }
        let digits = Splits::digits()?;
        Ok(match self.max_per_class {
            Some(count) => digits.max_per_class(count, seed),
            None => digits,
        })
    }

    /// All images of a data set.
    pub fn all(&self, data: &Path) -> Result<ImageFolder> {
        Ok(self.options().open_all(data)?)
    }

    /// How a data set is to be opened.
    pub fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        if let Some(labels) = &self.labels {
            options = options.labels(labels);
        }
        if let Some(count) = self.max_per_class {
            options = options.max_per_class(count);
        }
        options
    }
}
