//! The data set that an argument names.

use std::path::Path;

use anyhow::Result;
use fastburn::data::{ArchiveLimits, ImageFolder, OpenOptions, Splits};

use super::archive_limits::archive_limits;

/// What can be said of a data set beside its name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// What an archive may hold at most: files, empty files, bytes, bytes from each of its own
    #[arg(
        long,
        value_parser = archive_limits,
        value_name = "files=…,empty=…,bytes=64GB,ratio=…"
    )]
    archive_limits: Option<ArchiveLimits>,
}

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

    fn options(&self) -> OpenOptions {
        OpenOptions::new().archive_limits(self.archive_limits.unwrap_or_default())
    }
}
