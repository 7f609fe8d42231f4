//! The parts of a data set, as it says them itself.

use super::image_folder::ImageFolder;

/// A training part, and a validation part if the data says which images that is.
#[derive(Debug)]
pub(super) struct Parts {
    /// The data set, as messages name it.
    pub place: String,
    pub train: ImageFolder,
    pub valid: Option<ImageFolder>,
}
