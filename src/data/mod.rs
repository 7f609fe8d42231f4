//! From files to batches on a device.
//!
//! - **Opening.** [`OpenOptions`] says what is known of a data set beforehand; [`Splits`] is its
//!   training and its validation part, found by name or drawn by a seed.
//! - **Listing.** Each part is an [`ImageFolder`]: files on disk or in an archive, whose classes are
//!   folders, the lines of a table of labels, or the labels of MNIST's [`Idx`] files. Nothing is
//!   decoded yet.
//! - **Reading.** A [`Reading`] says into which size, channels and numbers images of any kind are
//!   brought. The result is [`Images`] of one format, an [`ImageSpec`]: in memory, or streamed
//!   where they are more than a budget of it.
//! - **Batches.** A [`DataLoader`] says which items make up a batch, in which order, of any
//!   [`Source`]; [`DataLoaders`] are the two that a learner takes.
//! - **Beside these.** [`OpenOptions::check`] finds all that is wrong with a data set, and
//!   [`OpenOptions::convert`] writes it in another form; [`unpack`] brings an archive onto the
//!   disk; [`balanced_weights`] has rare classes count as much as frequent ones.

mod ahead;
mod batcher;
mod bitmap;
mod check;
mod class_balance;
mod class_targets;
mod convert;
mod data_loaders;
mod decode;
mod decoding;
mod files;
mod filter;
mod headers;
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
mod tally;

mod targets;
mod tensors;

pub use crate::archive::{ArchiveLimits, Unpacked, unpack};
pub use batcher::ImageBatcher;
pub use bitmap::Bitmap;
pub use check::{ClassCount, DataCheck, Finding, Flag, FormatCount, Severity, Trouble};
pub use class_balance::balanced_weights;
pub use class_targets::ClassTargets;
pub use convert::{Converted, Format, Watch};
pub use data_loaders::{DataLoaders, ImageClasses};
pub use filter::Filter;
pub use idx::Idx;
pub use image_folder::{ImageFolder, ImageItem};
pub use image_source::{ImageSource, Residency};
pub use image_spec::ImageSpec;
pub use images::{Images, Skipped};
pub use loader::{Batch, DataLoader, Source};
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
