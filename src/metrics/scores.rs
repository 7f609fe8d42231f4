//! Precision, recall, and both in one number.

use burn::tensor::{Int, Tensor};

use super::{FromConfusion, Metric};
use crate::confusion::Average;

/// The share of what was taken for a class that is of it, for logits `[batch, classes]` against
/// class indices `[batch]`. fastai's `Precision`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::Average;
/// use fastburn::metrics::{Metric, precision};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.2, 0.8], [0.8, 0.2]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 0, 0], &device);
/// let mut precision = precision(Average::Macro);
/// precision.update(logits, targets, 3)?;
/// assert_eq!(precision.value()?, (1.0 + 1.0 / 2.0) / 2.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn precision(average: Average) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    FromConfusion::new("precision", move |confusion| confusion.precision(average))
}

/// The share of a class's items that was taken for it, for logits `[batch, classes]` against class
/// indices `[batch]`. fastai's `Recall`; its macro average is also known as balanced accuracy.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::Average;
/// use fastburn::metrics::{Metric, recall};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.2, 0.8], [0.8, 0.2]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 0, 0], &device);
/// let mut recall = recall(Average::Macro);
/// recall.update(logits, targets, 3)?;
/// assert_eq!(recall.value()?, (1.0 + 1.0 / 2.0) / 2.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn recall(average: Average) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    FromConfusion::new("recall", move |confusion| confusion.recall(average))
}

/// Precision and recall in one number, in which both count the same, for logits
/// `[batch, classes]` against class indices `[batch]`. fastai's `F1Score`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::Average;
/// use fastburn::metrics::{Metric, f1};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.2, 0.8], [0.8, 0.2]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 0, 0], &device);
/// let mut f1 = f1(Average::Macro);
/// f1.update(logits, targets, 3)?;
/// assert_eq!(f1.value()?, 2.0 / 3.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn f1(average: Average) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    f_beta(1.0, average)
}

/// Precision and recall in one number, in which recall counts `beta` times as much, for logits
/// `[batch, classes]` against class indices `[batch]`; its column is "f2" for a `beta` of 2.
/// fastai's `FBeta`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::Average;
/// use fastburn::metrics::{Metric, f_beta};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.2, 0.8], [0.8, 0.2]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 0, 0], &device);
/// let mut f_beta = f_beta(2.0, Average::Micro);
/// f_beta.update(logits, targets, 3)?;
/// assert_eq!(f_beta.value()?, 2.0 / 3.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn f_beta(beta: f64, average: Average) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    FromConfusion::new(format!("f{beta}"), move |confusion| confusion.f_beta(beta, average))
}
