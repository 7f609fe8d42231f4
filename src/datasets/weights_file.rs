//! A file of weights to download.

use super::cache_item::{CacheItem, Content};
use crate::download::Sha256Prefix;

/// A file of pretrained weights to download, with its size and checksum where they are known.
///
/// [`Fetch::weights`](super::Fetch::weights) downloads it. The module `pretrained` has a catalogue
/// of such files.
///
/// ```
/// use fastburn::datasets::WeightsFile;
///
/// let url = "https://example.com/models/cats-0123abcd.pth";
/// let cats = WeightsFile {
///     sha256: Some("0123abcd".parse()?),
///     licence: Some("CC-BY-4.0".to_owned()),
///     ..WeightsFile::new("cats", "cats-0123abcd.pth", url)
/// };
/// assert!(cats.size.is_none());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsFile {
    /// The name of the weights and of their folder in the cache: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The name of the file in the cache, and below the URL of a mirror.
    pub file_name: String,
    /// The `http://` or `https://` URL.
    pub url: String,
    /// The size in bytes, if known.
    pub size: Option<u64>,
    /// The SHA-256 or its first digits.
    ///
    /// Unless all digits are known, the SHA-256 of the first download is recorded, and later ones
    /// must match it.
    pub sha256: Option<Sha256Prefix>,
    /// The licence, as an [SPDX](https://spdx.org/licenses/) identifier, if known.
    pub licence: Option<String>,
}

impl WeightsFile {
    /// Creates a file of unknown size, checksum and licence.
    pub fn new(
        name: impl Into<String>,
        file_name: impl Into<String>,
        url: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            file_name: file_name.into(),
            url: url.into(),
            size: None,
            sha256: None,
            licence: None,
        }
    }

    pub(super) fn item(&self) -> CacheItem<'_> {
        CacheItem {
            name: &self.name,
            url: &self.url,
            content: Content::File(&self.file_name),
            size: self.size,
            md5_first_mib: None,
            sha256: self.sha256.clone(),
            licence: self.licence.as_deref(),
        }
    }
}
