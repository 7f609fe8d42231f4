//! What the cache is asked for: the archive of a data set, or a file of weights.

use super::cache_place::Shelf;
use crate::download::{Md5, Sha256Prefix, parse_url, without_credentials};
use crate::error::{Error, Remedy, Result};

/// A download with a place in the cache, and what is known of it beforehand.
#[derive(Debug)]
pub(super) struct CacheItem<'a> {
    pub name: &'a str,
    pub url: &'a str,
    pub content: Content<'a>,
    pub size: Option<u64>,
    pub md5_first_mib: Option<Md5>,
    pub sha256: Option<Sha256Prefix>,
    pub licence: Option<&'a str>,
}

/// What is downloaded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    /// An archive to unpack.
    Archive,
    /// An archive in memory to unpack.
    Embedded(&'static [u8]),
    /// A file to keep under this name.
    File(&'a str),
}

impl CacheItem<'_> {
    /// Refuses a name that is not safe as the name of a file or folder, and an invalid URL.
    pub fn check(&self) -> Result<()> {
        match self.content {
            Content::Archive => check_name("data set name", self.name)?,
            Content::Embedded(_) => return check_name("data set name", self.name),
            Content::File(file) => {
                check_name("name of weights", self.name)?;
                check_name("file name of weights", file)?;
            }
        }
        parse_url(self.url).map(|_| ())
    }

    pub fn shelf(&self) -> Shelf {
        match self.content {
            Content::Archive | Content::Embedded(_) => Shelf::DataSets,
            Content::File(_) => Shelf::Weights,
        }
    }

    /// Returns the URL for messages and records.
    pub fn shown_url(&self) -> String {
        without_credentials(self.url)
    }

    /// Returns whether a checksum is known that the download must have.
    pub fn has_checksum(&self) -> bool {
        let is_embedded = matches!(self.content, Content::Embedded(_));
        is_embedded || self.sha256.is_some() || self.md5_first_mib.is_some()
    }

    /// Returns what the cache calls a finished download in a message about its origin.
    pub fn origin_in_words(&self) -> &'static str {
        match self.shelf() {
            Shelf::DataSets => "unpacked from an archive",
            Shelf::Weights => "a file",
        }
    }

    /// Returns the remedy for a cached item that is not as it must be.
    pub fn removal(&self) -> Remedy {
        let name = self.name.to_owned();
        match self.shelf() {
            Shelf::DataSets => Remedy::RemoveFromCache(name),
            Shelf::Weights => Remedy::RemoveWeights(name),
        }
    }

    /// Returns the remedy for a checksum that is not that of the first download.
    pub fn forgetting(&self) -> Remedy {
        let name = self.name.to_owned();
        match self.shelf() {
            Shelf::DataSets => Remedy::ForgetChecksum(name),
            Shelf::Weights => Remedy::ForgetWeightsChecksum(name),
        }
    }

    /// Returns the remedy without a network.
    pub fn offline(&self) -> &'static str {
        match self.shelf() {
            Shelf::DataSets => {
                "without a network, use a local folder or archive, or the bundled digits"
            }
            Shelf::Weights => {
                "without a network, set FASTBURN_WEIGHTS_URL to a server within reach"
            }
        }
    }
}

/// Refuses a name that is not safe as the name of a file or folder.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = (1..=100).contains(&name.len()) && !name.starts_with('.');
    if fits && name.chars().all(plain) {
        return Ok(());
    }
    let expected = "1 to 100 letters, digits, -, _ and ., not beginning with a dot";
    Err(Error::setting(what, name, expected))
}
