//! Errors and their remedies.

mod constructors;
mod remedy;

use std::path::PathBuf;

pub use self::remedy::Remedy;
use crate::printable::{short_number, shown};

/// The result type of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the library.
///
/// Each message is one line: the file or value at fault, what was found, what was expected, and the
/// [`remedy`](Self::remedy) if there is one, in terms of this library's methods. A program that
/// uses other names, such as options, can print the [`problem`](Self::problem) and its own remedy.
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
    /// A file or folder could not be read.
    #[error("cannot read {}: {source}", shown(path))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },

    /// A file could not be written; an older version of it is unchanged.
    #[error("cannot write {}: {source}", shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },

    /// A file is not an image, or is damaged.
    #[error("{file} is not a readable image: {reason}{}", and(remedy))]
    Image {
        /// The file, and the archive that holds it if there is one.
        file: String,
        /// The decoder's error.
        reason: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A data set cannot be used: its folders, its archive, its tables, or images of different
    /// formats.
    #[error("{place}: {problem}{}", and(remedy))]
    Data {
        /// The folder, archive or file.
        place: String,
        /// The problem.
        problem: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A download failed, or returned something unexpected.
    #[error("cannot download {url}: {problem}{}", and(remedy))]
    Download {
        /// The URL, without a user name and password.
        url: String,
        /// The problem.
        problem: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A file of weights, a model file or a checkpoint cannot be used.
    #[error("{file}: {problem}{}", and(remedy))]
    File {
        /// The file.
        file: String,
        /// The problem.
        problem: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A file has a newer format than this version of fastburn can read.
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

    /// The shapes of two tensors do not match.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// The function that compared them.
        what: &'static str,
        /// The expected shape.
        expected: String,
        /// The actual shape.
        found: String,
    },

    /// A setting has an invalid value.
    #[error("invalid {name} {value}: expected {expected}{}", and(remedy))]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// The valid values.
        expected: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A request conflicts with others, or lacks something it needs.
    #[error("{problem}{}", and(remedy))]
    Usage {
        /// What is wrong with the request.
        problem: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A compute device is not available, or its backend is not in this build.
    #[error("device {name}: {problem}{}", and(remedy))]
    Device {
        /// The requested name.
        name: String,
        /// Why it cannot be used.
        problem: String,
        /// The remedy, if one is known.
        remedy: Option<Remedy>,
    },

    /// A device failed to compute, or to return a result.
    #[error("failed to {what}: {reason}")]
    Compute {
        /// The failed operation.
        what: &'static str,
        /// The backend's error.
        reason: String,
    },

    /// A loss became NaN or infinite.
    #[error(
        "the {part} loss became {loss} in epoch {epoch}, batch {batch}, at learning rate {}{}",
        short_number(*lr),
        and(&Some(Remedy::LowerLearningRate))
    )]
    Diverged {
        /// The name of the loss: training or validation.
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

    /// A plot could not be drawn.
    #[error("cannot draw {what}: {reason}")]
    Plot {
        /// The plot.
        what: &'static str,
        /// The drawing library's error.
        reason: String,
    },

    /// A callback stopped training with an error.
    #[error("{callback}: {source}")]
    Callback {
        /// The callback's name.
        callback: String,
        /// Its error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Returns the remedy, if one is known.
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

    /// Returns whether the request is at fault, rather than the data or the machine.
    ///
    /// The program exits with code 2 for these errors, and with 1 for others.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Setting { .. } | Self::Usage { .. } | Self::Device { .. })
    }
}

/// Returns the end of a message, which is the remedy if there is one.
fn and(remedy: &Option<Remedy>) -> String {
    remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"))
}
