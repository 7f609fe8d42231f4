//! From files to batches on a device.
//!
//! [`Splits`] finds the training and the validation part of a data set and lists each as an
//! [`ImageFolder`]; a [`Reading`] brings the files of a part into one format, as [`Images`];
//! [`DataLoaders`] serves batches.

mod ahead;
mod batcher;
mod bitmap;
mod check;
mod class_balance;
mod class_targets;
mod convert;
mod decode;
mod decoding;
mod files;
mod filter;
mod idx;
mod idx_set;
mod image_folder;
mod image_source;
mod image_spec;
mod images;
mod jpeg_end;
mod labelled;
mod labels_csv;
mod layout;
mod listing;
mod loader;
mod memory;
mod open_options;
mod parts;
mod picture;
mod read;
mod reading;
mod scaling;
mod some_of;
mod splits;
mod streamed;
mod streaming;
mod survey;
mod targets;
mod tensors;

pub use crate::archive::{ArchiveLimits, Unpacked, unpack};
pub use batcher::ImageBatcher;
pub use bitmap::Bitmap;
pub use check::{ClassCount, DataCheck, Finding, Flag, FormatCount, Severity, Trouble};
pub use class_balance::balanced_weights;
pub use class_targets::ClassTargets;
pub use convert::{Converted, Format, Watch};
pub use filter::Filter;
pub use idx::Idx;
pub use image_folder::{ImageFolder, ImageItem};
pub use image_source::{ImageSource, Residency};
pub use image_spec::ImageSpec;
pub use images::{Images, Skipped};
pub use loader::{Batch, DataLoader, DataLoaders, ImageClasses, Source};
pub use open_options::OpenOptions;
#[cfg(feature = "download")]
pub(crate) use parts::is_part;
pub use reading::Reading;
pub use scaling::Scaling;
#[cfg(feature = "download")]
pub(crate) use splits::DIGITS;
pub use splits::Splits;
pub use targets::{class_indices, is_class_one, one_hot};
pub use tensors::TensorSource;
