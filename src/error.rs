//! What can go wrong, each case with what is needed to mend it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that the library can fail with.
///
/// Each message is one line that names the file or value at fault, what was expected and what
/// was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read a file or a folder.
    #[error("cannot read {}: {source}", shown(path))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// A file could not be written; what was there before is still there.
    #[error("cannot write {}: {source}", shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// A file is not the picture that its name promises, or is a damaged one.
    #[error("{file} is not a readable image: {reason}")]
    Image {
        /// The file, and the archive that holds it where there is one.
        file: String,
        /// What the decoder found.
        reason: String,
    },

    /// A data set is not laid out as it must be.
    #[error("{place}: {problem}")]
    Layout {
        /// The folder or archive.
        place: String,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// A data set cannot be fetched, or what came is not the data set.
    #[error("cannot fetch {url}: {problem}")]
    Download {
        /// Where from, without a user's name and password.
        url: String,
        /// What went wrong, and what helps.
        problem: String,
    },

    /// The images of a data set do not agree, and nothing says what they are to become.
    #[error("{file}: {problem}; {}", mixed.way_out())]
    Mixed {
        /// The first file that differs from those before it.
        file: String,
        /// How it differs, and how many are of which kind.
        problem: String,
        /// In what they differ.
        mixed: Mixed,
    },

    /// A file of weights, a model file or a checkpoint cannot be used.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },

    /// A file of fastburn's was written by a newer version, in a form that this one cannot read.
    #[error(
        "{file}: it is of format version {found}, written by fastburn {writer}; this is fastburn \
         {}, which reads up to version {newest}; use a newer fastburn",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The file.
        file: String,
        /// The version of its form.
        found: u64,
        /// The newest version that can be read.
        newest: u64,
        /// The version of fastburn that wrote it.
        writer: String,
    },

    /// Two tensors do not fit each other.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// The function that compared them.
        what: &'static str,
        /// The shape that fits.
        expected: String,
        /// The shape that was given.
        found: String,
    },

    /// A setting has a value that cannot work.
    #[error("{name} is {value}, but {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: String,
    },

    /// A compute device is not there, or not in this build.
    #[error("device {name}: {problem}")]
    Device {
        /// The name that was asked for.
        name: String,
        /// Why it cannot be had, and what can.
        problem: String,
    },

    /// A device failed while it computed or while a result was read.
    #[error("the device failed to {what}: {reason}")]
    Compute {
        /// What was asked of it.
        what: &'static str,
        /// What the backend said.
        reason: String,
    },

    /// A loss is not a number any more.
    #[error(
        "the {part} loss became {loss} in epoch {epoch}, batch {batch}, at learning rate {lr}; \
         try a smaller learning rate"
    )]
    Diverged {
        /// Which loss: training or validation.
        part: &'static str,
        /// The loss: NaN or an infinity.
        loss: f32,
        /// The epoch, from 0.
        epoch: usize,
        /// The batch within the epoch, from 0.
        batch: usize,
        /// The learning rate of that step.
        lr: f64,
    },

    /// A picture could not be drawn.
    #[error("cannot draw {what}: {reason}")]
    Plot {
        /// What was to be drawn.
        what: &'static str,
        /// What the drawing library said.
        reason: String,
    },

    /// A callback ended the run with an error of its own.
    #[error("{callback}: {source}")]
    Callback {
        /// The callback's name.
        callback: String,
        /// Its error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// In what the images of a data set differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mixed {
    /// In width or height.
    Sizes,
    /// Some are grey, others in colour.
    Channels,
}

impl Mixed {
    fn way_out(self) -> &'static str {
        match self {
            Self::Sizes => "Reading::size brings all images to one size",
            Self::Channels => "Reading::channels makes all images grey or all colour",
        }
    }
}

impl Error {
    /// A read that failed, with its path.
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Read { path: path.to_path_buf(), source }
    }

    /// A write that failed, with its path.
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Write { path: path.to_path_buf(), source }
    }

    /// A drawing that failed.
    #[cfg(feature = "plot")]
    pub(crate) fn plot(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Plot { what, reason: reason.to_string() }
    }

    /// A layout problem at `place`.
    pub(crate) fn layout(place: impl std::fmt::Display, problem: impl Into<String>) -> Self {
        Self::Layout { place: place.to_string(), problem: problem.into() }
    }

    /// A failed download.
    #[cfg(feature = "download")]
    pub(crate) fn download(url: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Download { url: url.into(), problem: problem.into() }
    }

    /// A setting that cannot work.
    pub(crate) fn setting(
        name: &'static str,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Setting { name, value: value.to_string(), expected: expected.into() }
    }

    /// A device's failure while it did `what`.
    pub(crate) fn compute(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Compute { what, reason: reason.to_string() }
    }

    /// Whether the mistake is in what the caller asked for, rather than in data or machine.
    ///
    /// The program ends with exit code 2 for these and with 1 for the others.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Setting { .. } | Self::Device { .. })
    }
}

/// A path as messages have it: as it is, and of what is not UTF-8 each byte as `\xFF`, so that no
/// two paths look the same.
pub(crate) fn shown(path: &Path) -> Cow<'_, str> {
    if let Some(text) = path.to_str() {
        return Cow::Borrowed(text);
    }
    let chunks = path.as_os_str().as_encoded_bytes().utf8_chunks();
    let chunks = chunks.map(|chunk| {
        let bytes = chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}"));
        chunk.valid().to_owned() + &bytes.collect::<String>()
    });
    Cow::Owned(chunks.collect())
}
