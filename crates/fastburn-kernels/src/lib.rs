//! Fast f32 operations for [Burn](https://burn.dev)'s flex backend: convolution, linear layers,
//! pooling, batch norm with what follows it, activation functions, cross-entropy, and the steps of Adam
//! and SGD, forward and backward.
//!
//! The functions take and return Burn's tensors. With the feature `flex`, tensors of 32 bits on the
//! flex backend are computed by this crate's kernels, and so are their gradients. Tensors on other
//! backends, of other types, and cases that the kernels do not know (groups, dilation) are computed
//! by Burn's own operations, so a model that calls these functions still runs everywhere.
//!
//! ```
//! use burn::tensor::{Device, Distribution, Tensor, ops::ConvOptions};
//! use fastburn_kernels::{Epilogue, batch_norm_training, conv2d};
//!
//! let device = Device::flex().autodiff();
//! let images = Tensor::<4>::random([8, 3, 32, 32], Distribution::Default, &device);
//! let weight = Tensor::<4>::ones([16, 3, 3, 3], &device).require_grad();
//! let maps = conv2d(images, weight.clone(), None, ConvOptions::new([1, 1], [1, 1], [1, 1], 1));
//! let (scale, shift) = (Tensor::ones([16], &device), Tensor::zeros([16], &device));
//! let result = batch_norm_training(maps, scale, shift, 1e-5, Epilogue::Relu);
//! let gradients = result.output.square().sum().backward();
//! assert_eq!(weight.grad(&gradients).unwrap().dims(), [16, 3, 3, 3]);
//! ```
//!
//! # How it is fast
//!
//! - Images are channels last in memory, whatever their shape says: a window is a few runs of
//!   consecutive values, and is multiplied right from there. Nothing is unfolded or padded, and
//!   each way in which windows meet the border is computed apart, without the products with padding.
//! - Convolutions of 3×3 and stride 1 take 4 products where 9 are due, by Winograd's filtering, wherever
//!   that is faster.
//! - AVX-512, AVX2 with FMA and NEON are chosen at run time; one source, generic over the vectors of
//!   [pulp](https://docs.rs/pulp), serves all of them and a portable version.
//! - A batch norm, the addition of a residual and ReLU are one pass over memory, and in inference part
//!   of the convolution before them ([`conv2d_batch_norm`]). A step of an optimizer is one pass, in place.
//! - Weights of convolutions are brought into the order of the products. For a single image that takes
//!   two fifths as long as the products, so in inference it is done once.
//! - Memory is kept for the next result of its size: the system would clear each of its pages. See
//!   [`release_memory`].
//!
//! The kernels share their work among the threads of [rayon](https://docs.rs/rayon)'s current pool. From
//! outside of one, each operation wakes a thread and waits for it: a program that trains within a pool
//! of its own (`ThreadPool::install`), as fastburn does, saves a fifth of the time of a small model's
//! step.
//!
//! # Results
//!
//! Results do not depend on the number of threads: sums are divided by the shapes alone. They differ
//! from those of Burn's own operations by rounding. Averages of gradients that Adam and SGD keep
//! become 0 instead of denormal numbers, which many processors are slow with. NaN values go
//! through all operations, as in PyTorch. But products with padding are not computed: a weight that is
//! NaN is not seen where its window is outside of the image. By Winograd's filtering it is, an infinite
//! pixel gives NaN, and the last bits of an image's outputs may depend on the size of the batch, since
//! that decides whether filtering is faster.
//!
//! The environment variable `FASTBURN_KERNELS` chooses among the instructions that the processor
//! has: `avx512`, `avx2`, `neon` or `portable`.

mod activation;
mod batch_norm;
mod convolution;
mod cross_entropy;
mod epilogue;
#[cfg(feature = "flex")]
mod extension;
#[cfg(feature = "flex")]
mod kernels;
mod linear;
mod memory;
mod optimizer;
mod pooling;
mod steps;

pub use activation::{relu, sigmoid, silu};
pub use batch_norm::{BatchNormParameters, batch_norm, batch_norm_training};
pub use convolution::{conv2d, conv2d_batch_norm};
pub use cross_entropy::{cross_entropy, soft_cross_entropy};
pub use epilogue::Epilogue;
pub use linear::linear;
pub use memory::release_memory;
pub use optimizer::{adam_step, sgd_step};
pub use pooling::{avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d};
pub use steps::{AdamStep, SgdStep, WeightDecay};
