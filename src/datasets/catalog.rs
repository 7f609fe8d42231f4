//! The data sets that have a name.

use crate::download::{Md5, Sha256, name_for, parsed};
use crate::error::{Error, Result};

/// Where the digits that are within the library claim to be.
pub(super) const EMBEDDED: &str = "embedded:digits.tgz";

/// An archive that can be fetched, and what is known of its bytes.
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
    /// What it is called, and its folder in the cache: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Where the archive is: an `http://` or `https://` url.
    pub url: String,
    /// What is in it, in a few words; may be empty.
    pub about: String,
    /// The archive's size in bytes, if it is known.
    pub size: Option<u64>,
    /// The MD5 of the archive's first MiB, which is what fastai publishes.
    pub md5_first_mib: Option<Md5>,
    /// The archive's SHA-256.
    ///
    /// Where it is not known, the one of the first time that the archive was fetched is kept, and
    /// expected from then on.
    pub sha256: Option<Sha256>,
}

impl DataSet {
    /// A data set of whose bytes nothing is known.
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

    /// The archive at a url, whatever it is; its name is made of the url's.
    ///
    /// ```
    /// use fastburn::datasets::DataSet;
    ///
    /// let photos = DataSet::at("https://example.com/photos.tgz")?;
    /// assert!(photos.name.starts_with("photos-"), "{}", photos.name);
    /// assert!(DataSet::at("ftp://example.com/photos.tgz").is_err());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is not an `http://` or `https://` url.
    pub fn at(url: &str) -> Result<Self> {
        parsed(url)?;
        Ok(Self::new(name_for(url), url))
    }

    /// Refuses a name that cannot be a folder's, and a url that cannot be fetched.
    pub(super) fn check(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let fits = (1..=100).contains(&self.name.len()) && !self.name.starts_with('.');
        if !fits || !self.name.chars().all(plain) {
            let expected = "1 to 100 letters, digits, -, _ and ., not beginning with a dot";
            return Err(Error::setting("data set's name", &self.name, expected));
        }
        if !self.is_embedded() {
            parsed(&self.url)?;
        }
        Ok(())
    }

    /// Whether it is within the library.
    pub(super) fn is_embedded(&self) -> bool {
        self.url == EMBEDDED
    }
}

/// The data sets that can be had by name; sizes, checksums and layouts are those of fastai's
/// [`URLs`](https://docs.fast.ai/data.external.html).
///
/// | name | what |
/// |---|---|
/// | `digits` | 7,000 drawn digits that are within fastburn |
/// | `mnist` | MNIST: `training` and `testing`, 60,000 and 10,000 images of ten digits |
/// | `mnist-sample` | its 3s and 7s: `train` and `valid`, 12,396 and 2,038 images |
/// | `mnist-tiny` | some of these |
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
    let digits = crate::vision::DIGITS;
    vec![
        DataSet {
            about: "drawn digits, within fastburn".to_owned(),
            size: Some(digits.len() as u64),
            ..DataSet::new("digits", EMBEDDED)
        },
        fastai(
            "mnist",
            "fast-ai-imageclas/mnist_png",
            "handwritten digits, 60000 and 10000 images",
            15_683_414,
            0x03639f83c4e3d19e0a3a53a8a997c487,
        ),
        fastai(
            "mnist-sample",
            "fast-ai-sample/mnist_sample",
            "its 3s and 7s",
            3_214_948,
            0x2dbc7ec6f9259b583af0072c55816a88,
        ),
        fastai(
            "mnist-tiny",
            "fast-ai-sample/mnist_tiny",
            "a few of its 3s and 7s",
            342_207,
            0x56143e8f24db90d925d82a5a74141875,
        ),
    ]
}
