//! Another server for the files of pretrained weights.

use super::weights::PretrainedWeights;
use crate::datasets::WeightsFile;
use crate::download::{parse_url, without_credentials};
use crate::error::{Error, Result};

/// The variables that name a mirror.
const URL: &str = "FASTBURN_WEIGHTS_URL";
const UNCHECKED: &str = "FASTBURN_WEIGHTS_UNCHECKED";

/// A server that has files of pretrained weights, all in one folder, under their
/// [`file_name`](WeightsFile::file_name).
///
/// ```
/// use fastburn::pretrained::{Mirror, find};
///
/// let resnet = Mirror::new("https://example.com/weights")?.redirect(find("resnet18")?);
/// assert_eq!(resnet.file.url, "https://example.com/weights/resnet18-f37072fd.pth");
/// assert!(resnet.file.sha256.is_some());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    folder: String,
    is_unchecked: bool,
}

impl Mirror {
    /// Creates a mirror from the URL of its folder. Its files must have the sizes and checksums that
    /// are known, so it need not be trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is not an `http://` or `https://` URL of a folder.
    pub fn new(folder: &str) -> Result<Self> {
        parse_url(folder)?;
        if folder.contains(['?', '#']) {
            let expected = "the URL of a folder, without a query and a fragment";
            return Err(Error::setting("URL", without_credentials(folder), expected));
        }
        Ok(Self { folder: folder.trim_end_matches('/').to_owned(), is_unchecked: false })
    }

    /// Returns the mirror in the environment variable `FASTBURN_WEIGHTS_URL`, or `None` if it is not
    /// set or empty. If `FASTBURN_WEIGHTS_UNCHECKED` is `1`, its files are
    /// [unchecked](Self::unchecked).
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and [`Error::Setting`] if the second variable is neither `0` nor
    /// `1`.
    pub fn from_environment() -> Result<Option<Self>> {
        let Some(folder) = variable(URL) else { return Ok(None) };
        let mirror = Self::new(&folder)?;
        match variable(UNCHECKED).as_deref() {
            None | Some("0") => Ok(Some(mirror)),
            Some("1") => Ok(Some(mirror.unchecked())),
            Some(other) => Err(Error::setting(UNCHECKED, other, "0 or 1")),
        }
    }

    /// Accepts other files under the same names, such as weights of one's own, whatever their size
    /// and checksum.
    ///
    /// The SHA-256 of each first download is recorded, and later ones must match it.
    pub fn unchecked(mut self) -> Self {
        self.is_unchecked = true;
        self
    }

    /// Returns the weights with the URL on this mirror.
    pub fn redirect(&self, mut weights: PretrainedWeights) -> PretrainedWeights {
        let WeightsFile { file_name, url, size, sha256, .. } = &mut weights.file;
        *url = format!("{}/{file_name}", self.folder);
        if self.is_unchecked {
            (*size, *sha256) = (None, None);
        }
        weights
    }
}

/// Returns an environment variable, or `None` if it is not set or empty. What is not UTF-8 is no URL
/// and no number either, and is refused as such.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.to_string_lossy().into_owned();
    Some(value).filter(|value| !value.is_empty())
}
