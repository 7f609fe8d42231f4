//! The catalog of named data sets.

use super::cache_item::{CacheItem, Content};
use crate::download::{Md5, Sha256, name_for, parse_url};
use crate::error::Result;
use crate::vision;

/// The URL that stands for the digits bundled with the library.
const EMBEDDED: &str = "embedded:digits.tgz";

/// An archive to download, with its size and checksums where they are known.
///
/// ```
/// use fastburn::datasets::DataSet;
///
/// let photos = DataSet {
///     size: Some(1_234_567),
///     ..DataSet::new("photos", "https://example.com/photos.tgz")
/// };
/// assert_eq!(photos.name, "photos");
/// assert!(photos.sha256.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// The name of the data set and of its folder in the cache: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The `http://` or `https://` URL of the archive.
    pub url: String,
    /// A short description; may be empty.
    pub about: String,
    /// The archive's size in bytes, if known.
    pub size: Option<u64>,
    /// The MD5 of the archive's first MiB, which is what fastai publishes.
    pub md5_first_mib: Option<Md5>,
    /// The archive's SHA-256.
    ///
    /// Without it, the SHA-256 of the first download is recorded, and later ones must match it.
    pub sha256: Option<Sha256>,
}

impl DataSet {
    /// Creates a data set of unknown size and checksums.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            about: String::new(),
            size: None,
            md5_first_mib: None,
            sha256: None,
        }
    }

    /// Creates a data set from the URL of an archive; its name is derived from the URL.
    ///
    /// ```
    /// use fastburn::datasets::DataSet;
    ///
    /// let photos = DataSet::from_url("https://example.com/photos.tgz")?;
    /// assert!(photos.name.starts_with("photos-"), "{}", photos.name);
    /// assert!(DataSet::from_url("ftp://example.com/photos.tgz").is_err());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if it is not an `http://` or `https://` URL.
    pub fn from_url(url: &str) -> Result<Self> {
        parse_url(url)?;
        Ok(Self::new(name_for(url), url))
    }

    pub(super) fn item(&self) -> CacheItem<'_> {
        let content = match self.url.as_str() {
            EMBEDDED => Content::Embedded(vision::DIGITS),
            _ => Content::Archive,
        };
        CacheItem {
            name: &self.name,
            url: &self.url,
            content,
            size: self.size,
            md5_first_mib: self.md5_first_mib,
            sha256: self.sha256.map(Into::into),
            licence: None,
        }
    }
}

/// Returns the named data sets. The sizes, checksums and layouts are those of fastai's
/// [`URLs`](https://docs.fast.ai/data.external.html).
///
/// | name | content |
/// |---|---|
/// | `digits` | 7,000 drawn digits bundled with fastburn |
/// | `mnist` | MNIST: 60,000 images of ten digits in `training` and 10,000 in `testing` |
/// | `mnist-sample` | the 3s and 7s of MNIST: 12,396 images in `train` and 2,038 in `valid` |
/// | `mnist-tiny` | a small part of `mnist-sample` |
///
/// ```
/// let names: Vec<_> = fastburn::datasets::catalog().into_iter().map(|set| set.name).collect();
/// assert_eq!(names, ["digits", "mnist", "mnist-sample", "mnist-tiny"]);
/// ```
pub fn catalog() -> Vec<DataSet> {
    let fastai = |name: &str, place: &str, about: &str, size, md5: u128| DataSet {
        about: about.to_owned(),
        size: Some(size),
        md5_first_mib: Some(Md5::new(md5.to_be_bytes())),
        ..DataSet::new(name, format!("https://s3.amazonaws.com/{place}.tgz"))
    };
    vec![
        DataSet {
            about: "drawn digits, bundled with fastburn".to_owned(),
            size: Some(vision::DIGITS.len() as u64),
            ..DataSet::new("digits", EMBEDDED)
        },
        fastai(
            "mnist",
            "fast-ai-imageclas/mnist_png",
            "handwritten digits, 60000 training and 10000 test images",
            15_683_414,
            0x03639f83c4e3d19e0a3a53a8a997c487,
        ),
        fastai(
            "mnist-sample",
            "fast-ai-sample/mnist_sample",
            "the 3s and 7s of MNIST",
            3_214_948,
            0x2dbc7ec6f9259b583af0072c55816a88,
        ),
        fastai(
            "mnist-tiny",
            "fast-ai-sample/mnist_tiny",
            "a few 3s and 7s of MNIST",
            342_207,
            0x56143e8f24db90d925d82a5a74141875,
        ),
    ]
}
