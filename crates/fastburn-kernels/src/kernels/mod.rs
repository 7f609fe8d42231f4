//! The kernels, on slices. They know nothing of Burn.

pub(crate) mod batch_norm;
pub(crate) mod channels;
pub(crate) mod channels_last;
pub(crate) mod convolution;
pub(crate) mod instructions;
mod map;
mod memory;
pub(crate) mod optimizer;
mod parallel;
pub(crate) mod pooling;
pub(crate) mod relu;
pub(crate) mod sizes;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod vector;
