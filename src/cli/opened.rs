//! The data set that an argument names.

use std::path::Path;

use anyhow::Result;
use fastburn::data::{ArchiveLimits, ImageFolder, OpenOptions, Splits};

use super::archive_limits::archive_limits;
use super::located::{Located, located};

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
        let located = data.map(|data| located(data, self.limits())).transpose()?;
        Ok(match located {
            Some(Located::Path(path)) => self.options().seed(seed).open(path)?,
            Some(Located::Digits) | None => Splits::digits()?,
        })
    }

    /// All images of a data set.
    pub fn all(&self, data: &Path) -> Result<ImageFolder> {
        Ok(match located(data, self.limits())? {
            Located::Path(path) => self.options().open_all(path)?,
            Located::Digits => Splits::digits()?.joined(),
        })
    }

    fn limits(&self) -> ArchiveLimits {
        self.archive_limits.unwrap_or_default()
    }

    fn options(&self) -> OpenOptions {
        OpenOptions::new().archive_limits(self.limits())
    }
}
