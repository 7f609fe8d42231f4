//! The data set that an argument names.

use std::path::Path;

use anyhow::Result;
use fastburn::data::{DataCheck, ImageFolder, OpenOptions, Splits};

use super::bars;

/// What can be said of a data set beside its name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {}

impl Options {
    /// The two parts of a data set, or the embedded digits' if none is named.
    pub fn splits(&self, data: Option<&Path>, seed: u64) -> Result<Splits> {
        Ok(match data {
            Some(path) => self.options().seed(seed).open(path)?,
            None => Splits::digits()?,
        })
    }

    /// All images of a data set.
    pub fn all(&self, data: &Path) -> Result<ImageFolder> {
        Ok(self.options().open_all(data)?)
    }

    /// What is wrong with a data set.
    pub fn check(&self, data: &Path) -> Result<DataCheck> {
        Ok(bars::while_decoding(|progress| self.options().check(data, progress))?)
    }

    fn options(&self) -> OpenOptions {
        OpenOptions::new()
    }
}
