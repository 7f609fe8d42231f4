//! fastai for Rust: a high-level training library on [Burn](https://burn.dev).
//!
//! Point it at a folder of labelled images, and it trains a model on whatever GPU or CPU is
//! there:
//!
//! ```
//! use fastburn::prelude::*;
//!
//! let device = device::auto()?; // a GPU if there is one, else the CPU
//! let data = Splits::digits()?; // or Splits::open("mnist_png", 42)?
//! let dls = data.loaders(64, 42, &device)?; // batches of 64, shuffled by seed 42
//! let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
//! let mut learn = Learner::new(dls, model, cross_entropy)
//!     .metric(accuracy())
//!     .callback(EpochTable::stdout());
//! learn.fit(2, 3e-3)?;
//! assert!(learn.validate()?.metrics[0] > 0.7);
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("digits.safetensors");
//! learn.export(&file)?; // such as digits.safetensors
//! let predictor = Predictor::load(&file, &device)?;
//! let prediction = predictor.predict_pixels(&[0; 28 * 28], [1, 28, 28])?;
//! println!("{} {}", prediction.label(), prediction.probability());
//! # Ok::<(), fastburn::Error>(())
//! ```
//!
//! Do you know fastai? [`coming_from_fastai`] has our line beside fastai's, for each that there is.
//!
//! # What holds everywhere
//!
//! - A model, a loss, a metric or a callback is written once, over `Tensor<D>`, and runs on every
//!   backend; the `Device` that the model was made on decides where.
//! - One seed gives one result: the order of the data comes from `(seed, epoch)`, the first
//!   weights from `(seed, layer)`, nothing from timing or the number of threads.
//! - Nothing prints, ends the process, or panics on files, settings or devices; errors name the
//!   file or the value. Burn itself panics on tensors of the wrong width inside a model, and each
//!   model's documentation says so.
//! - The training loop never waits for a GPU: losses and metrics stay there until an epoch ends.
//!
//! # Ranks are types
//!
//! How many axes a tensor has is part of its type, so that the compiler finds a wrong rank. Images
//! minus a mean of another rank do not compile:
//!
//! ```compile_fail,E0308
//! use burn::tensor::Tensor;
//!
//! fn difference(images: Tensor<3>, mean: Tensor<2>) -> Tensor<3> {
//!     images - mean
//! }
//! ```
//!
//! They do once the mean is of rank 3, `[1, height, width]`; the axis of length 1 is broadcast:
//!
//! ```
//! use burn::tensor::Tensor;
//!
//! fn difference(images: Tensor<3>, mean: Tensor<2>) -> Tensor<3> {
//!     images - mean.unsqueeze()
//! }
//! # let device = fastburn::device::cpu()?;
//! # assert_eq!(
//! #     difference(Tensor::ones([5, 4, 4], &device), Tensor::ones([4, 4], &device)).dims(),
//! #     [5, 4, 4]
//! # );
//! # Ok::<(), fastburn::Error>(())
//! ```
//!
//! # Layout
//!
//! [`architecture`] has the rooms of the crate, and which may import which. Where to look:
//!
//! - [`vision`]: from image files to batches, and trained models that answer about images
//! - [`data`]: batches of anything, and their order
//! - [`models`], [`loss`], [`metrics`], [`optim`], [`schedule`]: what a [`Learner`] is made of, and
//!   the traits for your own
//! - [`learner`]: the learner, its thin loop, its verbs
//! - [`callbacks`]: what a fit can do beside training, and how to write one of your own
//! - [`checkpoints`]: what a stopped run goes on from
//! - [`records`]: what a run leaves behind, as plain values
//! - [`datasets`] (feature `download`): data sets by name or URL, and the cache
//! - [`plot`] (feature `plot`): pictures as SVG, PNG and text
//! - [`interop`]: Burn's own data loaders and Learner
//! - [`device`]: device names, and what is there
//! - [`archive`]: what an archive may hold, and unpacking one
//!
//! [`Learner`]: learner::Learner
//!
//! # Feature flags
//!
//! | feature | what it adds |
//! |---|---|
//! | `flex` (default) | Burn's fast CPU backend |
//! | `ndarray` | a second CPU backend, against which results are checked |
//! | `wgpu` | GPUs through Vulkan, DirectX 12, Metal or OpenGL |
//! | `vulkan` | `wgpu`, with kernels compiled to SPIR-V |
//! | `metal` | `wgpu`, with kernels compiled to MSL |
//! | `webgpu` | `wgpu`, through a browser's WebGPU |
//! | `cuda` | NVIDIA GPUs through CUDA |
//! | `rocm` | AMD GPUs through ROCm |
//! | `pytorch` | PyTorch's `.pt` files, beside safetensors |
//! | `download` | data sets by name or url, in a cache |
//! | `plot` | pictures: curves, images, heat maps |
//! | `burn-train` | our models, data and losses in Burn's own Learner |
//! | `cli` (default) | the program, with `download` and `plot`; a library needs none of it |

#![forbid(unsafe_code)]
#![warn(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

pub mod archive;
pub mod callbacks;
pub mod checkpoints;
mod checks;
pub mod data;
#[cfg(feature = "download")]
pub mod datasets;
pub mod device;
#[cfg(feature = "download")]
mod download;
mod error;
mod files;
pub mod interop;
pub mod learner;
pub mod loss;
pub mod metrics;
pub mod models;
pub mod optim;
#[cfg(feature = "plot")]
pub mod plot;
mod printable;
pub mod records;
mod scalars;
pub mod schedule;
mod seed;
pub mod vision;

/// The names that nearly every program needs: `use fastburn::prelude::*`.
pub mod prelude {
    pub use crate::callbacks::EpochTable;
    pub use crate::data::DataLoaders;
    pub use crate::device;
    pub use crate::error::{Error, Result};
    pub use crate::learner::{Callback, Flow, Learner, Rates, Scope, State, Stop};
    pub use crate::loss::{cross_entropy, mnist_loss, mse};
    pub use crate::metrics::accuracy;
    pub use crate::models::{LinearConfig, MlpConfig, Model};
    pub use crate::optim::OptimizerKind;
    pub use crate::seed::Seed;
    pub use crate::vision::{Predictor, Splits};
}

#[doc = include_str!("../ARCHITECTURE.md")]
pub mod architecture {}
#[doc = include_str!("coming_from_fastai.md")]
pub mod coming_from_fastai {}

pub use error::{Error, Remedy, Result};
pub use files::atomic::{remove_unfinished_files, try_write};
pub use printable::printable;
pub use seed::Seed;
