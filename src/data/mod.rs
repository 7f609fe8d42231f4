//! Data loading: batches of items, their order, and their targets.
//!
//! A [`Source`] makes a batch of any of its items, on a device. A [`DataLoader`] divides the items
//! of an epoch into batches; [`DataLoaders`] is the pair that a learner takes. Nothing here depends
//! on what an item is: [`vision`](crate::vision) has sources of images, [`TensorSource`] takes the
//! rows of tensors, and a custom source is a type with two methods.

mod item_format;
mod items;
mod loader;
mod loaders;
mod source;
mod targets;

pub use crate::per_item::{Mixable, PerItem};
pub use item_format::{InputFormat, ItemFormat};
pub use items::{BatchItems, Order};
pub use loader::DataLoader;
pub use loaders::DataLoaders;
pub(crate) use source::UPCOMING;
pub use source::{Batch, Source, TensorSource};
pub use targets::{ClassTargets, balanced_weights, class_indices, is_class_one, one_hot};
