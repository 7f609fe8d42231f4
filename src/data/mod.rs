//! From files to batches on a device.
//!
//! [`Splits`] finds the training and the validation part of a data set and lists each as an
//! [`ImageFolder`]; [`Images`] holds one of them decoded; [`DataLoaders`] serves batches.

mod batcher;
mod bitmap;
mod check;
mod class_targets;
mod decode;
mod files;
mod image_folder;
mod image_source;
mod image_spec;
mod images;
mod jpeg_end;
mod layout;
mod loader;
mod open_options;
mod parts;
mod some_of;
mod splits;
mod targets;
mod tensors;

pub use crate::archive::ArchiveLimits;
pub use batcher::ImageBatcher;
pub use bitmap::Bitmap;
pub use check::{ClassCount, DataCheck, Finding, Flag, FormatCount, Severity, Trouble};
pub use class_targets::ClassTargets;
pub use image_folder::{ImageFolder, ImageItem};
pub use image_source::{ImageSource, Residency};
pub use image_spec::{ImageSpec, Scaling};
pub use images::Images;
pub use loader::{Batch, DataLoader, DataLoaders, ImageClasses, Source};
pub use open_options::OpenOptions;
pub use splits::Splits;
pub use targets::{class_indices, is_class_one, one_hot};
pub use tensors::TensorSource;
