//! The constructors of errors.

use std::fmt::Display;
use std::path::Path;

use super::{Error, Remedy};

impl Error {
    /// Adds a remedy; an error without a field for one stays unchanged.
    pub(crate) fn with_remedy(mut self, new: Remedy) -> Self {
        if let Self::Image { remedy, .. }
        | Self::Data { remedy, .. }
        | Self::Download { remedy, .. }
        | Self::File { remedy, .. }
        | Self::Setting { remedy, .. }
        | Self::Usage { remedy, .. }
        | Self::Device { remedy, .. } = &mut self
        {
            *remedy = Some(new);
        }
        self
    }

    /// Returns a function that adds the path to a failed read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Read { path: path.to_path_buf(), source }
    }

    /// Returns a function that adds the path to a failed write.
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Write { path: path.to_path_buf(), source }
    }

    /// A plot that cannot be drawn.
    #[cfg(feature = "plot")]
    pub(crate) fn plot(what: &'static str, reason: impl Display) -> Self {
        Self::Plot { what, reason: reason.to_string() }
    }

    /// A file that is not a readable image.
    pub(crate) fn image(file: impl Display, reason: impl Into<String>) -> Self {
        Self::Image { file: file.to_string(), reason: reason.into(), remedy: None }
    }

    /// A data set that cannot be used.
    pub(crate) fn data(place: impl Display, problem: impl Into<String>) -> Self {
        Self::Data { place: place.to_string(), problem: problem.into(), remedy: None }
    }

    /// A failed download.
    #[cfg(feature = "download")]
    pub(crate) fn download(url: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Download { url: url.into(), problem: problem.into(), remedy: None }
    }

    /// A file of weights, a model file or a checkpoint that cannot be used.
    pub(crate) fn file(file: impl Display, problem: impl Into<String>) -> Self {
        Self::File { file: file.to_string(), problem: problem.into(), remedy: None }
    }

    /// Creates an [`Error::Setting`], also for settings of your own, such as a model's
    /// configuration.
    ///
    /// ```
    /// let error = fastburn::Error::setting("number of channels", 0, "1 to 4096");
    /// assert_eq!(error.to_string(), "invalid number of channels 0: expected 1 to 4096");
    /// ```
    pub fn setting(name: &'static str, value: impl Display, expected: impl Into<String>) -> Self {
        Self::Setting { name, value: value.to_string(), expected: expected.into(), remedy: None }
    }

    /// A request that conflicts with others or lacks something it needs.
    pub(crate) fn usage(problem: impl Into<String>) -> Self {
        Self::Usage { problem: problem.into(), remedy: None }
    }

    /// A compute device that cannot be used.
    pub(crate) fn device(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Device { name: name.into(), problem: problem.into(), remedy: None }
    }

    /// A device that failed to do `what`.
    pub(crate) fn compute(what: &'static str, reason: impl Display) -> Self {
        Self::Compute { what, reason: reason.to_string() }
    }

    /// An error of a callback.
    pub(crate) fn callback(
        name: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Callback { callback: name.into(), source: source.into() }
    }
}
