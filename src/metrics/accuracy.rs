//! Metrics that count correct predictions.

use burn::tensor::{Int, Tensor};
use serde_json::json;

use super::from_confusion::class_indices;
use super::mean::Mean;
use super::metric::Metric;
use crate::checks::{same_rows, same_shape};
use crate::error::{Error, Result};

/// Accuracy of logits `[batch, classes]` against class indices `[batch]`: the share of items whose
/// largest logit is the target's.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{Metric, accuracy};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.8, 0.2]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 1], &device);
/// let mut accuracy = accuracy();
/// accuracy.update(logits, targets, 2)?;
/// assert_eq!(accuracy.value()?, 0.5);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// In libraries that check ranks at run time, predictions `[batch]` and targets `[batch, 1]`
/// broadcast to `[batch, batch]`, whose mean looks like an accuracy. Here they do not compile:
///
/// ```compile_fail,E0308
/// use burn::tensor::{Int, Tensor};
///
/// fn right(predicted: Tensor<1, Int>, targets: Tensor<2, Int>) -> Tensor<1> {
///     predicted.equal(targets).float().mean()
/// }
/// ```
///
/// With the same rank, they do:
///
/// ```
/// use burn::tensor::{Int, Tensor};
///
/// fn right(predicted: Tensor<2, Int>, targets: Tensor<2, Int>) -> Tensor<1> {
///     predicted.equal(targets).float().mean()
/// }
/// ```
pub fn accuracy() -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    Mean::new("accuracy", |logits, targets| share_right("accuracy", logits, targets))
        .smaller_is_better(false)
}

/// Error rate, the share of wrong predictions: 1 - [`accuracy`]. fastai's `error_rate`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{Metric, error_rate};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.8, 0.2]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 0], &device);
/// let mut error_rate = error_rate();
/// error_rate.update(logits, targets, 2)?;
/// assert_eq!(error_rate.value()?, 0.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn error_rate() -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    Mean::new(
        "error_rate",
        |logits, targets| Ok(-share_right("error_rate", logits, targets)? + 1.0),
    )
    .smaller_is_better(true)
}

fn share_right(
    what: &'static str,
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
) -> Result<Tensor<1>> {
    let [rows, _] = logits.dims();
    same_rows(what, rows, targets.dims()[0])?;
    let right = logits.argmax(1).equal(targets.reshape([rows, 1]));
    Ok(right.float().mean())
}

/// Accuracy of logits against one-hot targets, both `[batch, classes]`: the share of rows in which
/// both are largest in the same column.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::metrics::{Metric, one_hot_accuracy};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.8, 0.2]], &device);
/// let targets = Tensor::<2>::from_data([[0.0, 1.0], [0.0, 1.0]], &device);
/// let mut accuracy = one_hot_accuracy();
/// accuracy.update(logits, targets, 2)?;
/// assert_eq!(accuracy.value()?, 0.5);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn one_hot_accuracy() -> impl Metric<Tensor<2>, Tensor<2>> {
    Mean::new("accuracy", |logits, targets| {
        same_shape("one_hot_accuracy", &logits, &targets)?;
        Ok(logits.argmax(1).equal(targets.argmax(1)).float().mean())
    })
    .smaller_is_better(false)
}

/// Accuracy of predictions against targets of 0 or 1, both `[batch, 1]`: the share of items whose
/// prediction is above the threshold exactly if the target is 1. The threshold is 0 for logits and
/// 0.5 for probabilities.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::metrics::{Metric, binary_accuracy};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[-3.0], [0.2]], &device);
/// let targets = Tensor::<2>::from_data([[0.0], [1.0]], &device);
/// let mut accuracy = binary_accuracy(0.0);
/// accuracy.update(logits, targets, 2)?;
/// assert_eq!(accuracy.value()?, 1.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn binary_accuracy(threshold: f32) -> impl Metric<Tensor<2>, Tensor<2>> {
    Mean::new("accuracy", move |predictions: Tensor<2>, targets: Tensor<2>| {
        same_shape("binary_accuracy", &predictions, &targets)?;
        let right = predictions.greater_scalar(threshold).equal(targets.greater_scalar(0.5));
        Ok(right.float().mean())
    })
    .smaller_is_better(false)
    .with_config(json!({ "threshold": threshold }))
}

/// Top-k accuracy of logits `[batch, classes]` against class indices `[batch]`: the share of items
/// whose target has one of the `k` largest logits. fastai's `top_k_accuracy`.
///
/// Among equal logits, those of lower classes rank first, as for [`accuracy`].
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{Metric, top_k_accuracy};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9, 0.5], [0.1, 0.9, 0.5]], &device);
/// let targets = Tensor::<1, Int>::from_data([2, 0], &device);
/// let mut top = top_k_accuracy(2);
/// top.update(logits, targets, 2)?;
/// assert_eq!(top.value()?, 0.5);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// From `update`: [`Error::Setting`] if `k` is 0 or above the number of classes.
///
/// # Panics
///
/// On the CPU, `update` panics if a target is not below the number of classes. A GPU does not check
/// this.
pub fn top_k_accuracy(k: usize) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    Mean::new("top_k_accuracy", move |logits, targets| share_in_top(k, logits, targets))
        .smaller_is_better(false)
        .with_config(json!({ "k": k }))
}

fn share_in_top(k: usize, logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>> {
    let [rows, classes] = logits.dims();
    same_rows("top_k_accuracy", rows, targets.dims()[0])?;
    if k == 0 || k > classes {
        let expected = format!("1 to {classes}, the number of classes");
        return Err(Error::setting("k of top_k_accuracy", k, expected));
    }
    let targets = targets.reshape([rows, 1]);
    let indices = class_indices(classes, &targets);
    // Counts the logits that rank after the target's. Sorting would read them back from a GPU, and
    // a NaN ranks after nothing.
    let target_logits = logits.clone().gather(1, targets.clone());
    let smaller = logits.clone().lower(target_logits.clone());
    let equal_and_later = logits.equal(target_logits).bool_and(indices.greater(targets));
    let ranked_after = smaller.bool_or(equal_and_later).int().sum_dim(1);
    Ok(ranked_after.greater_equal_scalar((classes - k) as i64).float().mean())
}
