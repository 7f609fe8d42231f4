//! Cross-entropy.

use burn::tensor::{Int, Tensor, activation};

#[cfg(feature = "flex")]
use crate::extension::{are_classes, is_ours, loss_of_classes, loss_of_shares};

/// Returns the mean over all rows of `-log softmax(logits)[target]`, `[1]`, for logits
/// `[rows, classes]` and the class of each row, `[rows]`.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use fastburn_kernels::cross_entropy;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([3, 4], &device);
/// let targets = Tensor::<1, Int>::from_ints([0, 1, 3], &device);
/// let loss = cross_entropy(logits, targets).into_scalar::<f32>();
/// assert!((loss - 4_f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
///
/// If there is not one target for each row, or on a CPU, if one is no class.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if is_ours(&logits) && are_classes(&targets) && logits.shape().num_elements() > 0 {
        return loss_of_classes(logits, targets);
    }
    let [rows, _] = logits.dims();
    let logarithms = activation::log_softmax(logits, 1);
    -logarithms.gather(1, targets.reshape([rows, 1])).mean()
}

/// Returns the mean over all rows of `-Σ target · log softmax(logits)`, `[1]`, for logits and targets
/// `[rows, classes]`: shares of the classes, such as those of mixed images or of label smoothing.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::soft_cross_entropy;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[2_f32.ln(), 0.0, 0.0]], &device);
/// // Probabilities of 1/2, 1/4 and 1/4 against 0.8, 0.1 and 0.1.
/// let targets = Tensor::<2>::from_floats([[0.8, 0.1, 0.1]], &device);
/// let loss = soft_cross_entropy(logits, targets).into_scalar::<f32>();
/// assert!((loss - 1.2 * 2_f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
///
/// If the shapes differ.
pub fn soft_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    assert_eq!(logits.dims(), targets.dims(), "targets are as many as logits");
    #[cfg(feature = "flex")]
    if is_ours(&logits)
        && is_ours(&targets)
        && !targets.is_tracked()
        && logits.shape().num_elements() > 0
    {
        return loss_of_shares(logits, targets);
    }
    let [rows, _] = logits.dims();
    -(activation::log_softmax(logits, 1) * targets).sum() / rows as f64
}
