//! Loss functions, from outputs and targets to one number of shape `[1]`.
//!
//! Each compares shapes first, since a mismatch would broadcast and give a number that looks like a
//! loss. All average over the batch, like PyTorch's by default.

mod cross_entropy;
mod function;

use std::any::TypeId;

use burn::tensor::{Tensor, activation};

pub use self::cross_entropy::{CrossEntropy, cross_entropy};
pub use self::function::{Loss, Outputs};
use crate::checks::same_shape;
use crate::error::Result;

/// Any function of outputs and targets; `cross_entropy` and `mnist_loss` have their own names.
impl<O, T, F> Loss<O, T> for F
where
    F: Fn(O, T) -> Result<Tensor<1>> + Send + 'static,
{
    fn compute(&self, outputs: O, targets: T) -> Result<Tensor<1>> {
        self(outputs, targets)
    }

    fn name(&self) -> &'static str {
        known(self).map_or("custom", |(name, _)| name)
    }

    fn outputs(&self) -> Option<Outputs> {
        known(self).map(|(_, outputs)| outputs)
    }
}

/// Returns the name and the outputs of one of this module's classification losses. Each function
/// has a unique type, which identifies it.
fn known<F: 'static>(_: &F) -> Option<(&'static str, Outputs)> {
    fn id<F: 'static>(_: F) -> TypeId {
        TypeId::of::<F>()
    }
    let given = TypeId::of::<F>();
    if given == id(cross_entropy) {
        Some(("cross-entropy", Outputs::Softmax))
    } else if given == id(mnist_loss) {
        Some(("mnist", Outputs::Sigmoid))
    } else {
        None
    }
}

/// The fastai book's `mnist_loss`: the mean distance of `sigmoid(prediction)` from its 0/1 target.
///
/// `mean(where(target == 1, 1 - sigmoid(prediction), sigmoid(prediction)))`, from chapter 4 of
/// Howard and Gugger's *Deep Learning for Coders*. Both tensors are `[batch, 1]`, or
/// `[batch, classes]` with one-hot targets.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::mnist_loss;
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<2>::from_data([[0.0], [0.0]], &device);
/// let targets = Tensor::<2>::from_data([[1.0], [0.0]], &device);
/// assert_eq!(mnist_loss(predictions, targets)?.into_scalar::<f32>(), 0.5);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) if the shapes differ.
pub fn mnist_loss(predictions: Tensor<2>, targets: Tensor<2>) -> Result<Tensor<1>> {
    same_shape("mnist_loss", &predictions, &targets)?;
    let p = activation::sigmoid(predictions);
    // With targets of 0 and 1, |target - p| is 1 - p or p: one subtraction instead of a mask.
    Ok((targets - p).abs().mean())
}

/// Mean squared error, `mean((prediction - target)²)`, of two tensors of the same shape.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::mse;
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<1>::from_data([1.0, 2.0], &device);
/// let targets = Tensor::<1>::from_data([3.0, 2.0], &device);
/// assert_eq!(mse(predictions, targets)?.into_scalar::<f32>(), 2.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) if the shapes differ.
pub fn mse<const D: usize>(predictions: Tensor<D>, targets: Tensor<D>) -> Result<Tensor<1>> {
    same_shape("mse", &predictions, &targets)?;
    let difference = predictions - targets;
    Ok((difference.clone() * difference).mean())
}

/// Mean absolute error, `mean(|prediction - target|)`, of two tensors of the same shape.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::l1;
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<1>::from_data([1.0, 2.0], &device);
/// let targets = Tensor::<1>::from_data([3.0, 2.0], &device);
/// assert_eq!(l1(predictions, targets)?.into_scalar::<f32>(), 1.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) if the shapes differ.
pub fn l1<const D: usize>(predictions: Tensor<D>, targets: Tensor<D>) -> Result<Tensor<1>> {
    same_shape("l1", &predictions, &targets)?;
    Ok((predictions - targets).abs().mean())
}
