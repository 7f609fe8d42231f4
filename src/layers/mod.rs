//! What models are made of: initialisation, normalisation, heads, and reports of what layers
//! compute.
//!
//! The layers with parameters are Burn's own, in [`burn::nn`].

mod conv;
mod full_precision;
mod head;
mod init;
mod linear;
mod maker;
mod norm;
mod observe;
mod pool;

pub use conv::{conv2d, conv2d_norm};
pub use fastburn_kernels::{Epilogue, relu, sigmoid, silu};
pub(crate) use full_precision::is_full_precision;
pub use full_precision::{FullPrecision, Norm};
pub use head::{Head, HeadConfig};
pub use init::Init;
pub use linear::linear;
pub(crate) use maker::LayerMaker;
pub use observe::{Listening, Observation, is_observed, listen, observe, observe_part};
pub use pool::{Pooling, max_pool};
