//! What a validation pass measures beside the loss.
//!
//! A metric sums on the device, weighted by batch size, and reads its value once a pass.

mod accuracy;
mod mean;

pub use accuracy::{accuracy, binary_accuracy, one_hot_accuracy};
pub use mean::{Mean, MeanOf};

use crate::error::Result;

/// A number about predictions and targets, gathered batch by batch.
///
/// For one that is a mean over items, give the function of one batch to [`Mean`].
pub trait Metric<O, T>: Send {
    /// The name that stands above its column.
    fn name(&self) -> &str;

    /// Forgets everything, before a pass.
    fn reset(&mut self);

    /// Takes a batch of `items` predictions and targets into account.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if the two do not fit each other.
    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()>;

    /// The value over all batches since [`reset`](Self::reset); NaN if there was none.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    fn value(&mut self) -> Result<f64>;
}
