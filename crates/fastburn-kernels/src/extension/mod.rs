//! The kernels as an extension of Burn's backends: on flex, and on flex with autodiff.

mod batch_norm;
mod channel_sums;
mod convolution;
mod flex;
mod linear;
mod optimizer;
mod pooling;
mod relu;

pub(crate) use batch_norm::{can_normalize, has_autodiff, normalize, normalize_in_training};
pub(crate) use convolution::{can_convolve, convolve};
pub(crate) use flex::is_ours;
pub(crate) use linear::{multiply, should_multiply};
pub(crate) use optimizer::{can_step, step_adam, step_sgd};
pub(crate) use pooling::{avg_pool, max_pool, pool_shape};
pub(crate) use relu::clip;
