//! Batches: which items make up one, in which order, and what their targets are.
//!
//! A [`Source`] makes a batch of any of its items, on a device. A [`DataLoader`] says which items
//! go into which batch of an epoch; [`DataLoaders`] are the two that a learner takes. Nothing here
//! knows what an item is: [`vision`](crate::vision) has sources of images, [`TensorSource`] takes
//! rows of numbers, and a source of your own is a type with two methods.

mod loader;
mod source;
mod targets;

pub use loader::{DataLoader, DataLoaders, ItemFormat};
pub(crate) use source::UPCOMING;
pub use source::{Batch, Source, TensorSource};
pub use targets::{ClassTargets, balanced_weights, class_indices, is_class_one, one_hot};
