//! The share of targets among the best few predictions.

use burn::tensor::{Int, Tensor};

use super::{Mean, Metric, indices};
use crate::error::{Error, Result};
use crate::shape::same_rows;

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
        let expected = format!("it must be from 1 to {classes}, the number of classes");
        return Err(Error::setting("top_k_accuracy's k", k, expected));
    }
    let targets = targets.reshape([rows, 1]);
    let indices = indices(classes, &targets);
    // Counts the logits behind the target's, since sorting them would read them back from a GPU,
    // and since NaN is behind nothing.
    let of_target = logits.clone().gather(1, targets.clone());
    let smaller = logits.clone().lower(of_target.clone());
    let equal_and_later = logits.equal(of_target).bool_and(indices.greater(targets));
    let behind = smaller.bool_or(equal_and_later).int().sum_dim(1);
    Ok(behind.greater_equal_scalar((classes - k) as i64).float().mean())
}
