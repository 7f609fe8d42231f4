//! What can be wrong with a data set, and how it is said.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::printable::list_of;
use crate::vision::open::{Extensions, PassedOverFiles};

/// A class of fewer images than these is small.
pub(super) const FEW: usize = 10;

/// Something that is wrong with a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The setting of training that mends it, if one does.
    pub fixed_by: Option<Fix>,
    /// What it is.
    #[serde(flatten)]
    pub problem: Problem,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The data cannot be trained on, or not on all of it.
    Unfit,
    /// It can, and the result may be worse than it looks.
    Warning,
}

/// A setting of training that mends what is wrong with images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// The size that all images are brought to; beside some in colour grey ones then become so.
    Size,
    /// The number of channels that all images are brought to.
    Channels,
}

/// What can be wrong with a data set.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Problem {
    /// A folder or a link that cannot be listed, or half of a data set.
    Unlisted {
        /// Where.
        path: String,
        /// What the operating system says, or what is expected.
        reason: String,
    },
    /// A file that is not a whole image.
    BrokenFile {
        /// The file.
        file: String,
        /// What the decoder or the operating system says.
        reason: String,
    },
    /// A class without any image.
    EmptyClass {
        /// The class.
        class: String,
        /// The part.
        part: String,
    },
    /// A class that is in one part only.
    MissingClass {
        /// The class.
        class: String,
        /// The part that has it.
        there: String,
        /// The part that lacks it.
        part: String,
    },
    /// Fewer classes than can be told apart.
    TooFewClasses {
        /// How many there are: one or none.
        classes: usize,
    },
    /// A class of which nothing is left to train on once one image is held back.
    SingleImage {
        /// The class.
        class: String,
    },
    /// Images of several sizes.
    SizesDiffer {
        /// How many.
        sizes: usize,
    },
    /// One part in colour, and the other one without.
    ChannelsDiffer {
        /// The part that is grey.
        grey: String,
        /// The part that has images in colour.
        colour: String,
    },
    /// Grey images and images in colour together.
    ChannelsMixed {
        /// How many are grey.
        grey: usize,
        /// How many are in colour.
        colour: usize,
    },
    /// Files that become the same pixels.
    SameImage {
        /// The files.
        files: Vec<String>,
        /// The parts that they are in.
        parts: Vec<String>,
        /// The classes that they are of.
        classes: Vec<String>,
    },
    /// Classes that differ much in their numbers of images.
    Imbalance {
        /// The class with most images to train on.
        largest: String,
        /// The class with fewest, but some.
        smallest: String,
        /// How many times as many the largest has.
        ratio: f64,
    },
    /// Classes with few images to train on.
    SmallClasses {
        /// The classes.
        classes: Vec<String>,
    },
    /// Files that are not images by their extension.
    OtherFiles {
        /// How many there are of each extension, in lower case; empty for none.
        extensions: Extensions,
    },
    /// Files or folders that are not used.
    PassedOver {
        /// Why.
        reason: String,
        /// The files, or folders.
        paths: Vec<String>,
    },
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        let severity = match problem {
            Problem::SameImage { .. }
            | Problem::Imbalance { .. }
            | Problem::SmallClasses { .. }
            | Problem::OtherFiles { .. }
            | Problem::PassedOver { .. } => Severity::Warning,
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

/// One line, without the severity.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted { path, reason } | Self::BrokenFile { file: path, reason } => {
                write!(f, "{path}: {reason}")
            }
            Self::EmptyClass { class, part } => write!(f, "class {class} has no image in {part}"),
            Self::MissingClass { class, there, part } => {
                write!(f, "class {class} is in {there} but not in {part}")
            }
            Self::TooFewClasses { classes: 0 } => {
                write!(f, "no classes; expected one sub-folder per class")
            }
            Self::TooFewClasses { .. } => write!(f, "one class; at least two are needed"),
            Self::SingleImage { class } => {
                write!(f, "class {class} has one image; a split needs at least two")
            }
            Self::SizesDiffer { sizes } => write!(f, "images of {sizes} sizes"),
            Self::ChannelsDiffer { grey, colour } => {
                write!(f, "{colour} is in colour and {grey} is grey")
            }
            Self::ChannelsMixed { grey, colour } => {
                write!(f, "{grey} grey images beside {colour} in colour")
            }
            Self::SameImage { files, parts, classes } => {
                f.write_str("the same image")?;
                if parts.len() > 1 {
                    write!(f, " in {}", parts.join(" and "))?;
                }
                if classes.len() > 1 {
                    write!(f, " as {}", list_of(3, classes))?;
                }
                write!(f, ": {}", list_of(3, files))
            }
            Self::Imbalance { largest, smallest, ratio } => {
                write!(f, "class {largest} has {ratio:.0} times as many images as {smallest}")
            }
            Self::SmallClasses { classes } => {
                write!(f, "fewer than {FEW} images to train on: {}", list_of(3, classes))
            }
            Self::OtherFiles { extensions } => {
                write!(f, "not images by their extension: {}", PassedOverFiles(extensions))
            }
            Self::PassedOver { reason, paths } => {
                write!(f, "passed over, {reason}: {}", list_of(3, paths))
            }
        }
    }
}
