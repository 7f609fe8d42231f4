//! From files to batches on a device.
//!
//! [`Splits`] finds the training and the validation part of a data set and lists each as an
//! [`ImageFolder`]; a [`Reading`] brings the files of a part into one format, as [`Images`];
//! [`DataLoaders`] serves batches.

mod ahead;
mod batcher;
mod bitmap;
mod class_targets;
mod decode;
mod decoding;
mod files;
mod filter;
mod image_folder;
mod image_source;
mod image_spec;
mod images;
mod loader;
mod memory;
mod open_options;
mod picture;
mod read;
mod reading;
mod scaling;
mod splits;
mod streamed;
mod streaming;
mod survey;
mod targets;
mod tensors;

pub use crate::archive::{ArchiveLimits, Unpacked, unpack};
pub use batcher::ImageBatcher;
pub use bitmap::Bitmap;
pub use class_targets::ClassTargets;
pub use filter::Filter;
pub use image_folder::{ImageFolder, ImageItem};
pub use image_source::{ImageSource, Residency};
pub use image_spec::ImageSpec;
pub use images::{Images, Skipped};
pub use loader::{Batch, DataLoader, DataLoaders, ImageClasses, Source};
pub use open_options::OpenOptions;
pub use reading::Reading;
pub use scaling::Scaling;
pub use splits::Splits;
pub use targets::{class_indices, is_class_one, one_hot};
pub use tensors::TensorSource;
