//! The kernels, on slices. They know nothing of Burn.

pub(crate) mod activation;
pub(crate) mod batch_norm;
pub(crate) mod channels;
pub(crate) mod channels_last;
pub(crate) mod convolution;
pub(crate) mod cross_entropy;
mod exponential;
pub(crate) mod finish;
pub(crate) mod instructions;
mod map;
pub(crate) mod memory;
pub(crate) mod optimizer;
mod parallel;
pub(crate) mod pooling;
pub(crate) mod sizes;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transpose;
mod vector;
