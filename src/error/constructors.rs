//! How the library makes its errors.

use std::fmt::Display;
use std::path::Path;

use super::{Error, Remedy};

impl Error {
    /// Returns the same error with what helps; an error that has no place for it stays as it is.
    pub(crate) fn with_remedy(mut self, helps: Remedy) -> Self {
        if let Self::Image { remedy, .. }
        | Self::Data { remedy, .. }
        | Self::Download { remedy, .. }
        | Self::File { remedy, .. }
        | Self::Setting { remedy, .. }
        | Self::Usage { remedy, .. }
        | Self::Device { remedy, .. } = &mut self
        {
            *remedy = Some(helps);
        }
        self
    }

    /// A failed read, with its path.
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Read { path: path.to_path_buf(), source }
    }

    /// A failed write, with its path.
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Write { path: path.to_path_buf(), source }
    }

    /// A failed drawing.
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

    /// A setting with a value that cannot work.
    pub(crate) fn setting(
        name: &'static str,
        value: impl Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Setting { name, value: value.to_string(), expected: expected.into(), remedy: None }
    }

    /// Something that cannot be combined with the rest, or lacks what it needs.
    pub(crate) fn usage(problem: impl Into<String>) -> Self {
        Self::Usage { problem: problem.into(), remedy: None }
    }

    /// A compute device that cannot be used.
    pub(crate) fn device(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Device { name: name.into(), problem: problem.into(), remedy: None }
    }

    /// A device's failure while it did `what`.
    pub(crate) fn compute(what: &'static str, reason: impl Display) -> Self {
        Self::Compute { what, reason: reason.to_string() }
    }

    /// An error of a callback's own.
    pub(crate) fn callback(
        name: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Callback { callback: name.into(), source: source.into() }
    }
}
