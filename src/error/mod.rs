//! What can go wrong, and what helps.

mod constructors;
mod remedy;

use std::path::PathBuf;

pub use self::remedy::Remedy;
use crate::printable::{short_number, shown};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that the library can fail with.
///
/// Each message is one line: the file or value at fault, what was found, what was expected, and the
/// [`remedy`](Self::remedy) if there is one, in terms of this library's methods. A program that
/// calls these things by other names shows the [`problem`](Self::problem) and words the remedy
/// itself.
///
/// ```
/// use fastburn::vision::{Images, ReadOptions, Splits};
/// use fastburn::{Error, Remedy};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let photos = folder.path();
/// # for (name, side) in [("cat/a", 8), ("cat/b", 9), ("dog/c", 8), ("dog/d", 9)] {
/// #     let file = photos.join(name).with_extension("png");
/// #     std::fs::create_dir_all(file.parent().unwrap()).unwrap();
/// #     image::GrayImage::new(side, 8).save(file).unwrap();
/// # }
/// let error = Splits::open(photos, 42)?.read(&ReadOptions::new(), &|_, _| {}).unwrap_err();
/// assert_eq!(error.remedy(), Some(Remedy::ResizeImages));
/// assert!(error.to_string().ends_with("; resize all images with ReadOptions::size"));
/// assert!(error.problem().ends_with("2 are 9×8"));
/// # Ok::<(), fastburn::Error>(())
/// ```
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

    /// A file is not an image, or is a damaged one.
    #[error("{file} is not a readable image: {reason}{}", and(remedy))]
    Image {
        /// The file, and the archive that holds it if there is one.
        file: String,
        /// What the decoder found.
        reason: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// A data set cannot be used: its folders, its archive, its tables, or images that do not go
    /// together.
    #[error("{place}: {problem}{}", and(remedy))]
    Data {
        /// The folder, archive or file.
        place: String,
        /// What is wrong with it.
        problem: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// A download failed, or what came is not what was asked for.
    #[error("cannot download {url}: {problem}{}", and(remedy))]
    Download {
        /// The URL, without a user's name and password.
        url: String,
        /// What went wrong.
        problem: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// A file of weights, a model file or a checkpoint cannot be used.
    #[error("{file}: {problem}{}", and(remedy))]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// A file of fastburn's has a newer format than this version can read.
    #[error(
        "{file}: format version {found}, written by fastburn {writer}; fastburn {} reads up to \
         version {newest}{}",
        env!("CARGO_PKG_VERSION"),
        and(&Some(Remedy::UpdateFastburn))
    )]
    Newer {
        /// The file.
        file: String,
        /// The version of its format.
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
    #[error("invalid {name} {value}: expected {expected}{}", and(remedy))]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that work.
        expected: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// Something is asked for that cannot be combined with the rest, or lacks what it needs.
    #[error("{problem}{}", and(remedy))]
    Usage {
        /// What cannot be done.
        problem: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// A compute device is not there, or not in this build.
    #[error("device {name}: {problem}{}", and(remedy))]
    Device {
        /// The name that was asked for.
        name: String,
        /// Why it cannot be used.
        problem: String,
        /// What helps.
        remedy: Option<Remedy>,
    },

    /// A device failed while it computed or while a result was read.
    #[error("the device failed to {what}: {reason}")]
    Compute {
        /// What was asked of it.
        what: &'static str,
        /// What the backend said.
        reason: String,
    },

    /// A loss became NaN or infinite.
    #[error(
        "the {part} loss became {loss} in epoch {epoch}, batch {batch}, at learning rate {}{}",
        short_number(*lr),
        and(&Some(Remedy::LowerLearningRate))
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

    /// A callback ended the fit with an error of its own.
    #[error("{callback}: {source}")]
    Callback {
        /// The callback's name.
        callback: String,
        /// Its error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Returns what helps, if something is known to.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Image { remedy, .. }
            | Self::Data { remedy, .. }
            | Self::Download { remedy, .. }
            | Self::File { remedy, .. }
            | Self::Setting { remedy, .. }
            | Self::Usage { remedy, .. }
            | Self::Device { remedy, .. } => remedy.clone(),
            Self::Newer { .. } => Some(Remedy::UpdateFastburn),
            Self::Diverged { .. } => Some(Remedy::LowerLearningRate),
            _ => None,
        }
    }

    /// Returns the message without the remedy.
    pub fn problem(&self) -> String {
        let mut message = self.to_string();
        message.truncate(message.len() - and(&self.remedy()).len());
        message
    }

    /// Returns whether the mistake is in what the caller asked for, rather than in the data or the
    /// machine.
    ///
    /// The program ends with exit code 2 for these and with 1 for the others.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Setting { .. } | Self::Usage { .. } | Self::Device { .. })
    }
}

/// The end of a message: what helps, if anything does.
fn and(remedy: &Option<Remedy>) -> String {
    remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"))
}
