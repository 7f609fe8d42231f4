//! What a validation pass measures beside the loss.
//!
//! A metric sums on the device, weighted by batch size, and reads its value once a pass.

mod accuracy;
mod distance;
mod from_confusion;
mod mean;
mod scores;
mod top_k;

pub use accuracy::{accuracy, binary_accuracy, error_rate, one_hot_accuracy};
pub use distance::{mae, mse, rmse};
pub use from_confusion::FromConfusion;
pub use mean::{Mean, MeanOf};
pub use scores::{f_beta, f1, precision, recall};
pub use top_k::top_k_accuracy;

use burn::tensor::{Int, Tensor};

use crate::error::Result;

/// A number about predictions and targets, gathered batch by batch.
///
/// For one that is a mean over items, give the function of one batch to [`Mean`]; for one of the
/// counts of a [`Confusion`](crate::Confusion), give its function to [`FromConfusion`].
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

/// The indices of all classes, `[1, classes]`, to be compared with `others`.
fn indices(classes: usize, others: &Tensor<2, Int>) -> Tensor<2, Int> {
    let all = Tensor::<1, Int>::arange(0..classes as i64, (&others.device(), others.dtype()));
    all.reshape([1, classes])
}
