//! Metrics, which a validation pass measures in addition to the loss.
//!
//! A metric accumulates on the device, weighted by batch size, and is read once per pass.

mod accuracy;
mod distance;
mod from_confusion;
mod mean;
mod metric;

pub use accuracy::{accuracy, binary_accuracy, error_rate, one_hot_accuracy, top_k_accuracy};
pub use distance::{mae, mse, rmse};
pub use from_confusion::{FromConfusion, f_beta, f1, precision, recall};
pub use mean::{BatchMean, Mean};
pub use metric::Metric;
