//! The problems of a data set, and their messages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::printable::list_of;
use crate::vision::open::{Extensions, IgnoredFiles};

/// A class with fewer images than this is small.
pub(super) const FEW: usize = 10;

/// A problem that was found in a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// The training setting that fixes it, if there is one.
    pub fixed_by: Option<Fix>,
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The data, or a part of it, cannot be trained on.
    Unfit,
    /// Training works, and the result may be worse than it looks.
    Warning,
}

/// A training setting that fixes a problem with images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// The size of all images. It also turns grey images to colour if others are in colour.
    Size,
    /// The number of channels of all images.
    Channels,
}

/// A problem of a data set.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Problem {
    /// A folder or link that cannot be listed, or one part of a data set without the other.
    Unlisted {
        /// The folder or link.
        path: String,
        /// The operating system's message, or what was expected.
        reason: String,
    },
    /// A file that is not a complete image.
    BrokenFile {
        /// The file.
        file: String,
        /// The message of the decoder or the operating system.
        reason: String,
    },
    /// A class without images in a part.
    EmptyClass {
        /// The class.
        class: String,
        /// The part.
        part: String,
    },
    /// A class that is in only one part.
    MissingClass {
        /// The class.
        class: String,
        /// The part that has it.
        there: String,
        /// The part that lacks it.
        part: String,
    },
    /// Fewer than two classes.
    TooFewClasses {
        /// The number of classes: 0 or 1.
        classes: usize,
    },
    /// A class with a single image, too few for a validation split.
    SingleImage {
        /// The class.
        class: String,
    },
    /// Images of different sizes.
    SizesDiffer {
        /// The number of different sizes.
        sizes: usize,
    },
    /// One part has images in colour, and the other has none.
    ChannelsDiffer {
        /// The part that is grey.
        grey: String,
        /// The part that has images in colour.
        colour: String,
    },
    /// Grey images and colour images together.
    ChannelsMixed {
        /// The number of grey images.
        grey: usize,
        /// The number of colour images.
        colour: usize,
    },
    /// Files with the same pixels.
    SameImage {
        /// The files.
        files: Vec<String>,
        /// The parts that they are in.
        parts: Vec<String>,
        /// Their classes.
        classes: Vec<String>,
    },
    /// Classes with very different numbers of images.
    Imbalance {
        /// The class with the most training images.
        largest: String,
        /// The class with the fewest, not counting empty classes.
        smallest: String,
        /// The ratio of the two numbers of images.
        ratio: f64,
    },
    /// Classes with few training images.
    SmallClasses {
        /// The classes.
        classes: Vec<String>,
    },
    /// Files whose extension is not an image's.
    NonImages {
        /// The number of files per extension, in lower case; empty for files without one.
        extensions: Extensions,
    },
    /// Files or folders that are not used.
    Ignored {
        /// The reason.
        reason: String,
        /// The files or folders.
        paths: Vec<String>,
    },
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        let severity = match problem {
            Problem::SameImage { .. }
            | Problem::Imbalance { .. }
            | Problem::SmallClasses { .. }
            | Problem::NonImages { .. }
            | Problem::Ignored { .. } => Severity::Warning,
            _ => Severity::Unfit,
        };
        let fixed_by = match problem {
            Problem::SizesDiffer { .. } => Some(Fix::Size),
            Problem::ChannelsDiffer { .. } | Problem::ChannelsMixed { .. } => Some(Fix::Channels),
            _ => None,
        };
        Self { severity, fixed_by, problem }
    }
}

/// Writes one line, without the severity.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted { path, reason } | Self::BrokenFile { file: path, reason } => {
                write!(f, "{path}: {reason}")
            }
            // The one part of a data set without parts.
            Self::EmptyClass { class, part } if part == "all" => {
                write!(f, "class {class} has no images")
            }
            Self::EmptyClass { class, part } => write!(f, "class {class} has no images in {part}"),
            Self::MissingClass { class, there, part } => {
                write!(f, "class {class} is in {there} but not in {part}")
            }
            Self::TooFewClasses { classes: 0 } => {
                write!(f, "no classes; expected one sub-folder per class")
            }
            Self::TooFewClasses { .. } => write!(f, "only one class; expected at least two"),
            Self::SingleImage { class } => {
                write!(f, "class {class} has one image; a split needs at least two")
            }
            Self::SizesDiffer { sizes } => write!(f, "images of {sizes} different sizes"),
            Self::ChannelsDiffer { grey, colour } => {
                write!(f, "{colour} is in colour and {grey} is grey")
            }
            Self::ChannelsMixed { grey, colour } => {
                write!(f, "{grey} grey and {colour} colour images")
            }
            Self::SameImage { files, parts, classes } => {
                f.write_str("the same image")?;
                if parts.len() > 1 {
                    write!(f, " in {}", parts.join(" and "))?;
                }
                if classes.len() > 1 {
                    write!(f, ", labelled {}", list_of(3, classes))?;
                }
                write!(f, ": {}", list_of(3, files))
            }
            Self::Imbalance { largest, smallest, ratio } => {
                write!(f, "class {largest} has {ratio:.0} times as many images as {smallest}")
            }
            Self::SmallClasses { classes } => {
                write!(f, "classes with fewer than {FEW} training images: {}", list_of(3, classes))
            }
            Self::NonImages { extensions } => {
                write!(f, "ignored non-image files: {}", IgnoredFiles(extensions))
            }
            Self::Ignored { reason, paths } => {
                write!(f, "ignored ({reason}): {}", list_of(3, paths))
            }
        }
    }
}
