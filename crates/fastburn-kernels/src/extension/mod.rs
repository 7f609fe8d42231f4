//! The kernels as an extension of Burn's backends: on flex, and on flex with autodiff.

mod activation;
mod batch_norm;
mod bytes;
mod channel_sums;
mod convolution;
mod cross_entropy;
mod flex;
mod inference;
mod kept_weights;
mod linear;
mod optimizer;
mod pooling;

pub(crate) use activation::activate;
pub(crate) use batch_norm::{can_normalize, has_autodiff, normalize_in_training};
pub(crate) use convolution::{conv_shape, convolve};
pub(crate) use cross_entropy::{are_classes, loss_of_classes, loss_of_shares};
pub(crate) use flex::is_ours;
pub(crate) use inference::{convolve_and_normalize, normalize};
pub(crate) use kept_weights::release as release_kept_weights;
pub(crate) use linear::{multiply, should_multiply};
pub(crate) use optimizer::{can_step, step_adam, step_sgd};
pub(crate) use pooling::{avg_pool, max_pool, pool_shape};
