//! Everything that knows an image: from files to batches of images, and from a trained model to
//! answers about them.
//!
//! - **Opening.** [`OpenOptions`] says what is known of a data set beforehand; [`Splits`] are its
//!   training and its validation part, found by name or drawn by a seed. Each is an [`ImageFolder`]:
//!   files on disk or in an archive, whose classes are folders, the lines of a table of labels, or
//!   the labels of MNIST's [`Idx`] files. Nothing is decoded yet.
//! - **Reading.** [`ReadOptions`] say which size, channels and numbers images of any kind become.
//!   The result is [`Images`] of one format, an [`ImageSpec`]: in memory, or streamed if they are
//!   larger than a budget.
//! - **Batches.** [`ImageSource`] makes batches of them for a [`DataLoader`](crate::data::DataLoader),
//!   and [`Splits::loaders`] does all of that in one call.
//! - **Trained models.** A [`Predictor`] answers about images, [`PretrainedModel`] is a model to start
//!   from, [`Baseline`] is what any model has to beat.
//! - **Beside these.** [`OpenOptions::check`] finds all that is wrong with a data set,
//!   [`OpenOptions::convert`] writes it in another form, and a [`Bitmap`] is an image to look at.

mod adapt;
mod baseline;
mod bitmap;
mod check;
mod convert;
mod decode;
mod images;
mod loaders;
mod open;
mod predictor;
mod progress;
mod read;
mod resize;
mod scaling;
mod spec;
mod transfer;
mod tree;

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
pub use predictor::Predictor;
pub use progress::SkippedFile;
pub use read::ReadOptions;
pub use resize::Filter;
pub use scaling::Scaling;
pub use spec::{ImageItem, ImageSpec};
pub use transfer::{PretrainedModel, TransferredModel};
