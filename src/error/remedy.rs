//! Remedies for errors.

use std::borrow::Cow;
use std::fmt;

/// A remedy for an [`Error`](crate::Error), apart from the problem itself.
///
/// Its text names this library's methods. A program that uses other names, such as command-line
/// options, can match on it and print its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Resize all images to one size.
    ResizeImages,
    /// Convert all images to grey, or all to colour.
    ConvertChannels,
    /// Convert all images to grey.
    ConvertToGrey,
    /// Skip files that cannot be read as images.
    SkipBadImages,
    /// Raise the named limit of [`ArchiveLimits`](crate::archive::ArchiveLimits), if the archive is
    /// trusted.
    RaiseArchiveLimit(&'static str),
    /// Download the file again.
    DownloadAgain,
    /// Remove the named data set from the cache, to download it again.
    RemoveFromCache(String),
    /// Forget the checksum of the named data set, to accept a new archive.
    ForgetChecksum(String),
    /// Remove the named weights from the cache, to download them again.
    RemoveWeights(String),
    /// Forget the checksum of the named weights, to accept a new file.
    ForgetWeightsChecksum(String),
    /// Build with the named feature.
    EnableFeature(&'static str),
    /// Use a newer version of fastburn.
    UpdateFastburn,
    /// Use smaller batches.
    SmallerBatches,
    /// Use a smaller learning rate.
    LowerLearningRate,
    /// Define how the model's outputs become predictions.
    SetOutputs,
    /// Advice in the imperative that is the same for every caller.
    Advice(Cow<'static, str>),
}

impl From<&'static str> for Remedy {
    fn from(advice: &'static str) -> Self {
        Self::Advice(Cow::Borrowed(advice))
    }
}

impl From<String> for Remedy {
    fn from(advice: String) -> Self {
        Self::Advice(Cow::Owned(advice))
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResizeImages => f.write_str("resize all images with ReadOptions::size"),
            Self::ConvertChannels => {
                f.write_str("convert all images to grey or to colour with ReadOptions::channels")
            }
            Self::ConvertToGrey => {
                f.write_str("convert all images to grey with ReadOptions::channels")
            }
            Self::SkipBadImages => f.write_str("skip unreadable images with ReadOptions::skip_bad"),
            Self::RaiseArchiveLimit(limit) => {
                write!(f, "if you trust the archive, raise ArchiveLimits::{limit}")
            }
            Self::DownloadAgain => f.write_str("download it again"),
            Self::RemoveFromCache(name) => {
                write!(f, "remove it with Cache::remove({name:?}) to download it again")
            }
            Self::ForgetChecksum(name) => {
                write!(f, "accept the new archive with Cache::forget({name:?})")
            }
            Self::RemoveWeights(name) => {
                write!(f, "remove it with Cache::remove_weights({name:?}) to download it again")
            }
            Self::ForgetWeightsChecksum(name) => {
                write!(f, "accept the new file with Cache::forget_weights({name:?})")
            }
            Self::EnableFeature(feature) => write!(f, "build with the feature `{feature}`"),
            Self::UpdateFastburn => f.write_str("use a newer fastburn"),
            Self::SmallerBatches => f.write_str("use smaller batches"),
            Self::LowerLearningRate => f.write_str("try a smaller learning rate"),
            Self::SetOutputs => f.write_str(
                "call Learner::outputs, or for a regression name its values with \
                 ItemFormat::of_values",
            ),
            Self::Advice(advice) => f.write_str(advice),
        }
    }
}
