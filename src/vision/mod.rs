//! Images: from files to batches, and from a trained model to predictions.
//!
//! - **Opening.** [`OpenOptions`] opens a data set as [`Splits`]: a training and a validation part,
//!   found by name or split with a random seed. Each is an [`ImageFolder`]: files on disk or in an
//!   archive. Their classes come from folders, a CSV of labels, or MNIST's [`Idx`] files. Nothing
//!   is decoded yet.
//! - **Reading.** [`ReadOptions`] sets the size, channels and scaling of the images. The result is
//!   [`Images`] in one format, an [`ImageSpec`]: in memory, or streamed if they exceed a budget.
//! - **Batches.** [`ImageSource`] makes batches for a [`DataLoader`](crate::data::DataLoader).
//!   [`Splits::loaders`] goes from splits to batches in one call.
//! - **Trained models.** A [`Predictor`] classifies images and explains its predictions, a [`PretrainedModel`] is the start of
//!   transfer learning, and a [`Baseline`] is what any model has to beat.
//! - **Tools.** [`OpenOptions::check`] finds everything that is wrong with a data set,
//!   [`OpenOptions::convert`] writes it in another format, and a [`Bitmap`] is an image to draw.

mod adapt;
pub mod augment;
mod baseline;
mod bitmap;
mod check;
mod convert;
mod data_files;
mod decode;
mod explain;
mod images;
mod interpret;
mod loaders;
mod open;
mod padding;
mod pixels;
mod predictor;
mod pretrained_model;
mod progress;
mod read;
mod resize;
mod resize_method;
mod scaling;
mod spec;
mod training_images;
mod tta;
mod values;

pub use adapt::Adaptation;
pub use baseline::{Baseline, Distance, mean_images};
pub use bitmap::Bitmap;
pub use check::{ClassCount, DataCheck, Finding, Fix, FormatCount, Problem, Severity};
pub use convert::{Conversion, DataFormat, Watch};
pub use images::Images;
pub use loaders::{ImageSource, Residency};
#[cfg(feature = "download")]
pub(crate) use open::{DIGITS, unwrapped_path};
pub use open::{Idx, ImageFolder, OpenOptions, Splits, image_files};
pub use padding::Padding;
pub use predictor::{ImageModel, Predictor};
pub use pretrained_model::PretrainedModel;
pub use progress::SkippedFile;
pub use read::ReadOptions;
pub use resize::Filter;
pub use resize_method::ResizeMethod;
pub use scaling::Scaling;
pub use spec::{ImageItem, ImageSpec};
