//! The trait of metrics.

use serde_json::Value;

use crate::error::Result;

/// A number computed from predictions and targets, batch by batch.
///
/// For a mean over items, pass the function of one batch to [`Mean`](super::Mean). For a function
/// of the [`Confusion`](crate::records::Confusion) matrix, use
/// [`FromConfusion`](super::FromConfusion).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric of outputs `{O}` and targets `{T}`",
    label = "not a metric of these outputs and targets",
    note = "for a function of one batch, use `fastburn::metrics::Mean::new(\"name\", function)`"
)]
pub trait Metric<O, T>: Send {
    /// Returns the name, which is the header of the metric's column.
    fn name(&self) -> &str;

    /// Returns whether smaller values are better, `None` if the metric does not know. Callbacks
    /// that compare epochs, such as [`EarlyStopping`](crate::callbacks::EarlyStopping), go by it.
    fn smaller_is_better(&self) -> Option<bool> {
        None
    }

    /// Returns the metric's settings, `Null` for none. A run is resumed only with metrics of the
    /// same names and settings.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Resets the metric before a pass.
    fn reset(&mut self);

    /// Adds a batch of `items` predictions and targets.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if their shapes do not match.
    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()>;

    /// Returns the value over all batches since [`reset`](Self::reset), NaN if there were none.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    fn value(&mut self) -> Result<f64>;
}
