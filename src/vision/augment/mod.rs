//! Augmentation: random changes of images in training, so that a model sees more than there is.
//!
//! An [`Augment`] is a policy: a list of [`Transform`]s, such as [`Augment::standard`] for photos.
//! [`Images::augment`](super::Images::augment) gives it to images. Each transform draws, for
//! each image in each epoch, what happens to it: a [`Change`]. All changes of place become one
//! [`Map`], so that pixels are interpolated only once, as in fastai.
//!
//! What is drawn depends on the seed, the epoch and the image alone. Images for validation are never
//! augmented, except on demand, by test-time augmentation.

mod change;
mod hues;
mod levels;
mod logits;
mod map;
mod on_device;
mod policy;
mod policy_text;
mod sample;
mod transform;
mod transforms;
mod view;

pub use change::Change;
pub use map::Map;
pub(super) use on_device::BatchChange;
pub use policy::Augment;
pub(super) use sample::Original;
pub use transform::{BatchTransform, Transform};
pub use transforms::{
    Brightness, Contrast, Dihedral, Erase, Flip, Hue, RandAugment, Rotate, Saturation, Shift,
    TrivialAugment, Warp, Zoom,
};
pub use view::RandomCrop;
pub(super) use view::View;
