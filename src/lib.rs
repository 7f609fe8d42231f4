//! fastai for Rust: a high-level training library on [Burn](https://burn.dev).
//!
//! Point it at a folder of labelled images, and it trains a model on any GPU or CPU:
//!
//! ```
//! use fastburn::prelude::*;
//!
//! let device = device::auto()?; // a GPU if there is one, else the CPU
//! let data = Splits::digits()?; // or Splits::open("mnist_png", 42)?
//! let dls = data.loaders(64, 42, &device)?; // batches of 64, shuffled by seed 42
//! let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
//! let mut learn = Learner::new(dls, model, CrossEntropy::new())
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
//! Coming from fastai? [`coming_from_fastai`] lists fastai's calls beside fastburn's.
//!
//! # Guarantees
//!
//! - Models, losses, metrics and callbacks are written once, over `Tensor<D>`, and run on every
//!   backend. The `Device` on which the model was created decides which.
//! - The same seed gives the same result. The order of the data depends on `(seed, epoch)`, the
//!   initial weights on `(seed, layer)`, and nothing on timing or the number of threads.
//! - The library does not print, end the process, or panic because of a file, a setting or a
//!   device. Errors name the file or the value. Burn itself panics on tensors of the wrong width
//!   inside a model, as each model's documentation says.
//! - The training loop never waits for a GPU. Losses and metrics stay on it until an epoch ends.
//!
//! # Ranks are types
//!
//! The number of axes of a tensor is part of its type, so the compiler finds a wrong rank.
//! Subtracting a mean of another rank does not compile:
//!
//! ```compile_fail,E0308
//! use burn::tensor::Tensor;
//!
//! fn difference(images: Tensor<3>, mean: Tensor<2>) -> Tensor<3> {
//!     images - mean
//! }
//! ```
//!
//! It compiles once the mean has rank 3, `[1, height, width]`. The axis of length 1 is broadcast:
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
//! [`architecture`] describes the modules and which may import which. Where to look:
//!
//! - [`vision`]: from image files to batches, and trained models that classify images
//! - [`data`]: batches of any kind of data, and their order
//! - [`models`], [`loss`], [`metrics`], [`optim`], [`schedule`]: the parts of a [`Learner`], and
//!   the traits to write your own
//! - [`layers`]: what models are made of
//! - [`learner`]: the learner, its training loop and its methods
//! - [`callbacks`]: what else happens during training, and how to write your own callbacks
//! - [`checkpoints`]: saving a run and resuming it
//! - [`records`]: the results of a run, as plain values
//! - [`datasets`] (feature `download`): data sets by name or URL, and the cache
//! - [`pretrained`] (feature `download`): pretrained weights by name, in the same cache
//! - [`plot`] (feature `plot`): plots as SVG, PNG and text
//! - [`interop`]: Burn's own data loaders and Learner
//! - [`device`]: devices by name, and those available
//! - [`archive`]: unpacking archives, within limits
//!
//! [`Learner`]: learner::Learner
//!
//! # Feature flags
//!
//! | feature | what it adds |
//! |---|---|
//! | `flex` (default) | Burn's fast CPU backend |
//! | `ndarray` | a second CPU backend, to compare results with |
//! | `wgpu` | GPUs through Vulkan, DirectX 12, Metal or OpenGL |
//! | `vulkan` | `wgpu`, with kernels compiled to SPIR-V |
//! | `metal` | `wgpu`, with kernels compiled to MSL |
//! | `webgpu` | `wgpu`, through a browser's WebGPU |
//! | `cuda` | NVIDIA GPUs through CUDA |
//! | `rocm` | AMD GPUs through ROCm |
//! | `pytorch` | PyTorch's `.pt` files, in addition to safetensors |
//! | `download` | data sets by name or URL and pretrained weights by name, in a cache |
//! | `plot` | plots: curves, images, heat maps |
//! | `burn-train` | fastburn's models, data and losses in Burn's own Learner |
//! | `cli` (default) | the command-line program, with `download`, `plot` and `pytorch`; a library needs none |

#![forbid(unsafe_code)]
#![warn(clippy::print_stderr, clippy::print_stdout)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod archive;
pub mod callbacks;
pub mod checkpoints;
mod checks;
mod computing;
pub mod data;
#[cfg(feature = "download")]
pub mod datasets;
pub mod device;
#[cfg(feature = "download")]
mod download;
mod draw;
mod error;
mod files;
pub mod interop;
pub mod layers;
pub mod learner;
pub mod loss;
pub mod metrics;
pub mod models;
mod mutex;
pub mod optim;
mod per_item;
#[cfg(feature = "plot")]
pub mod plot;
#[cfg(feature = "download")]
pub mod pretrained;
mod printable;
pub mod records;
pub mod rows;
mod scalars;
pub mod schedule;
mod seed;
pub mod vision;
mod vision_learner;

/// The names that most programs need: `use fastburn::prelude::*`.
pub mod prelude {
    #[doc(no_inline)]
    pub use burn::module::Module;

    pub use crate::callbacks::EpochTable;
    pub use crate::data::DataLoaders;
    pub use crate::device;
    pub use crate::error::{Error, Result};
    pub use crate::learner::{Callback, Flow, Learner, Rates, Scope, State, Stop, Task};
    pub use crate::loss::{CrossEntropy, Loss, MnistLoss, Mse};
    pub use crate::metrics::accuracy;
    pub use crate::models::{LinearConfig, MlpConfig, Model};
    pub use crate::optim::OptimizerKind;
    pub use crate::seed::Seed;
    pub use crate::vision::{Predictor, Splits};
    pub use crate::vision_learner::vision_learner;
}

/// What [`registry!`] names; not for other use.
#[doc(hidden)]
pub mod __private {
    pub use burn::module::Module;

    /// Feature maps `[batch, channels, rows, columns]`.
    pub type Maps = burn::tensor::Tensor<4>;

    pub use crate::models::{Architecture, LayerGroup, Model, ModelKind, Registry, TorchNames};
}

#[doc = include_str!("../ARCHITECTURE.md")]
pub mod architecture {}
#[doc = include_str!("coming_from_fastai.md")]
pub mod coming_from_fastai {}

pub use error::{Error, Remedy, Result};
pub use files::atomic::{remove_unfinished_files, try_write};
pub use printable::printable;
pub use seed::Seed;
pub use vision_learner::{ImageLearner, VisionLearner, vision_learner};
#[doc(no_inline)]
pub use {rand, serde_json};
