//! Pretrained weights by name: a catalogue, and downloads into the cache of data sets.
//!
//! [`load`] is all that most programs need. The [`catalog`] has the ResNets of torchvision and of
//! timm, with what one must know to use them ([`PretrainedWeights`]): the architecture, the licence,
//! the accuracy, how images are prepared ([`Preprocessing`]), and the classes. [`find`] looks one
//! up, and [`PretrainedWeights::load`] downloads it with a [`Fetch`] of one's own, for example to
//! show the licence and the progress.
//!
//! A name is an architecture and a tag, as in timm: `resnet50.tv2_in1k` was trained by torchvision
//! with its second recipe on ImageNet-1k. The architecture alone, `resnet50`, stands for its first
//! weights in the catalogue.
//!
//! # Where the files come from
//!
//! A file is downloaded from its publisher, or from a [`Mirror`]. [`load`] uses the mirror that the
//! environment names:
//!
//! | variable | meaning |
//! |---|---|
//! | `FASTBURN_WEIGHTS_URL` | URL of a folder that has the files under the names in [`WeightsFile::file_name`](crate::datasets::WeightsFile::file_name) |
//! | `FASTBURN_WEIGHTS_UNCHECKED` | `1`: the files there are others than the publisher's |
//! | `FASTBURN_HOME` | the cache, as for data sets |
//!
//! Wherever a file comes from, its size and SHA-256 must be those of the catalogue, so a mirror need
//! not be trusted. `FASTBURN_WEIGHTS_UNCHECKED=1` is for weights of one's own under these names. It
//! accepts any file the first time and records its SHA-256, which later downloads from there must
//! match.

mod catalog;
mod image_model;
mod imagenet;
mod mirror;
mod weights;

pub use catalog::{catalog, find};
pub use imagenet::imagenet_classes;
pub use mirror::Mirror;
pub use weights::{Preprocessing, PretrainedWeights};

use crate::datasets::{Cache, Fetch};
use crate::error::Result;
use crate::models::StateDict;

/// Returns pretrained weights, downloading them first if they are not in the cache.
///
/// `name` is a name in the [`catalog`], such as `resnet50.tv2_in1k`, or an architecture, such as
/// `resnet50`.
///
/// ```no_run
/// let weights = fastburn::pretrained::load("resnet18")?;
/// assert_eq!(weights.shape("fc.weight"), Some(&[1000, 512][..]));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`find`], [`Mirror::from_environment`], [`Cache::open`] and
/// [`PretrainedWeights::load`].
pub fn load(name: &str) -> Result<StateDict> {
    let mut weights = find(name)?;
    if let Some(mirror) = Mirror::from_environment()? {
        weights = mirror.redirect(weights);
    }
    weights.load(&Fetch::new(Cache::open()?))
}
