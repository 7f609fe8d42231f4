//! Shares of right predictions.

use burn::tensor::{Int, Tensor};

use super::from_confusion::class_indices;
use super::metric::{Mean, MeanOf, Metric};
use crate::checks::{same_rows, same_shape};
use crate::error::{Error, Result};

/// Logits `[batch, classes]` against class indices `[batch]`: right where the largest logit is
/// the target's.
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
/// Where ranks are found at run time, predictions `[batch]` against targets `[batch, 1]` become a
/// square of comparisons, whose mean looks like an accuracy. Here they do not compile:
///
/// ```compile_fail,E0308
/// use burn::tensor::{Int, Tensor};
///
/// fn right(predicted: Tensor<1, Int>, targets: Tensor<2, Int>) -> Tensor<1> {
///     predicted.equal(targets).float().mean()
/// }
/// ```
///
/// With both of one rank they do:
///
/// ```
/// use burn::tensor::{Int, Tensor};
///
/// fn right(predicted: Tensor<2, Int>, targets: Tensor<2, Int>) -> Tensor<1> {
///     predicted.equal(targets).float().mean()
/// }
/// ```
pub fn accuracy() -> MeanOf<Tensor<2>, Tensor<1, Int>> {
    Mean::new("accuracy", |logits, targets| share_right("accuracy", logits, targets))
}

/// The share of predictions that are wrong: 1 - [`accuracy`]. fastai's `error_rate`.
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
pub fn error_rate() -> MeanOf<Tensor<2>, Tensor<1, Int>> {
    Mean::new(
        "error_rate",
        |logits, targets| Ok(-share_right("error_rate", logits, targets)? + 1.0),
    )
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

/// Logits against one-hot targets, both `[batch, classes]`: right where both are largest in the
/// same column.
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
pub fn one_hot_accuracy() -> MeanOf<Tensor<2>, Tensor<2>> {
    Mean::new("accuracy", |logits, targets| {
        same_shape("one_hot_accuracy", &logits, &targets)?;
        Ok(logits.argmax(1).equal(targets.argmax(1)).float().mean())
    })
}

/// Predictions against targets of 0 or 1, both `[batch, 1]`: right where the prediction is above
/// the threshold and the target is 1, or neither. For logits the threshold is 0, for
/// probabilities 0.5.
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
pub fn binary_accuracy(
    threshold: f32,
) -> Mean<impl Fn(Tensor<2>, Tensor<2>) -> Result<Tensor<1>> + Send> {
    Mean::new("accuracy", move |predictions: Tensor<2>, targets: Tensor<2>| {
        same_shape("binary_accuracy", &predictions, &targets)?;
        let right = predictions.greater_scalar(threshold).equal(targets.greater_scalar(0.5));
        Ok(right.float().mean())
    })
}

/// Logits `[batch, classes]` against class indices `[batch]`: right where the target's logit is
/// among the `k` largest. fastai's `top_k_accuracy`.
///
/// Of equal logits, those of lower classes come first, as for [`accuracy`](super::accuracy).
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
/// Of `update`: [`Error::Setting`] if `k` is 0 or above the number of classes.
///
/// # Panics
///
/// On the CPU, `update` does if a target is not below the number of classes; a GPU does not check
/// it.
pub fn top_k_accuracy(k: usize) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    Mean::new("top_k_accuracy", move |logits, targets| share_in_top(k, logits, targets))
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
    // Counts the logits behind the target's, since sorting them would read them back from a GPU,
    // and since NaN is behind nothing.
    let of_target = logits.clone().gather(1, targets.clone());
    let smaller = logits.clone().lower(of_target.clone());
    let equal_and_later = logits.equal(of_target).bool_and(indices.greater(targets));
    let behind = smaller.bool_or(equal_and_later).int().sum_dim(1);
    Ok(behind.greater_equal_scalar((classes - k) as i64).float().mean())
}
