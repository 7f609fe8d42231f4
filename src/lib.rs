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
//! - [`data`]: from files to batches on a device
//! - `datasets` (a feature): data sets by name or url, and the cache that they are kept in
//! - [`models`]: linear, multi-layer perceptron, and the [`Model`](models::Model) trait for yours
//! - [`loss`] and [`metrics`]: functions of outputs and targets, which check shapes
//! - [`schedule`]: how the learning rate and the momentum go in a fit
//! - [`learner`]: the [`Learner`], its thin loop, and the callbacks that belong to it
//! - [`callbacks`]: what a fit can do beside training, and how to write one of your own
//! - [`Predictor`]: a trained model that answers, from a model file ([`ModelCard`])
//! - [`Pretrained`]: a trained model to start from, with other classes
//! - [`CheckpointFolder`]: where a run leaves what it takes to go on
//! - [`baseline`]: pixel similarity, which any model has to beat
//! - `burn_learner` (a feature): our models, data and losses in Burn's own Learner
//! - `plot` (a feature): pictures as SVG, PNG and text
//! - [`device`]: device names, and what is there
//! - [`History`], [`Confusion`] and [`Prediction`]: what a run recorded, what was taken for what, and
//!   a model's answer, as plain values
//! - [`LrCurve`], [`LayerActivations`] and [`Summary`]: the loss over the learning rate, what a layer
//!   gave out, and what a learner trains, as plain values
//! - [`Interpretation`]: what a model said of each item of a data set, and its [`Report`]
//! - [`Seed`]: where all randomness comes from
//!
//! A module imports only from modules below it: `callbacks` from `learner`; `learner`,
//! `burn_learner`, `predictor`, `pretrained`, `baseline` and `plot` from the model file and the
//! checkpoints; these from `data`, `models`, `metrics` and `loss`; these from `device`, `seed` and
//! `error`. `datasets` is above `data`; no other module needs it.
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

mod any_number;
mod archive;
pub mod baseline;
#[cfg(feature = "burn-train")]
pub mod burn_learner;
pub mod callbacks;
mod checkpoints;
pub mod coming_from_fastai;
mod confusion;
pub mod data;
#[cfg(feature = "download")]
pub mod datasets;
pub mod device;
mod error;
mod hidden;
mod history;
mod interpretation;
mod layer_activations;
pub mod learner;
pub mod loss;
mod lr_curve;
pub mod metrics;
mod model_file;
pub mod models;
#[cfg(feature = "plot")]
pub mod plot;
mod prediction;
mod predictor;
pub mod prelude;
mod pretrained;
mod scalars;
pub mod schedule;
mod sealed;
mod seed;
mod shape;
mod summary;
mod whole_file;
mod whole_folder;

pub use checkpoints::{CheckpointFolder, Saved};
pub use confusion::{Average, ClassScores, Confusion};
#[cfg(feature = "download")]
pub use datasets::untar_data;
pub use error::{Error, Mixed, Result};
pub use history::{EpochRecord, History, StepRecord, Validation};
pub use interpretation::{Interpretation, Judged, Report, ReportRow};
pub use layer_activations::LayerActivations;
pub use learner::Learner;
pub use lr_curve::LrCurve;
pub use model_file::ModelCard;
pub use prediction::{Adapted, Prediction};
pub use predictor::Predictor;
pub use pretrained::{Pretrained, Transferred};
pub use seed::Seed;
pub use summary::{LayerSummary, Summary};
