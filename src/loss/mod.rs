//! Loss functions, from outputs and targets to one number of shape `[1]`.
//!
//! Each compares shapes first, since a mismatch would broadcast and give a number that looks like a
//! loss. All average over the batch, like PyTorch's by default.
//!
//! As in PyTorch, each comes twice: as a function, to compute it by hand, and as a type, to pass it
//! to a [`Learner`](crate::learner::Learner).

mod cross_entropy;
mod from_fn;
mod function;

use burn::tensor::Tensor;
use fastburn_kernels::sigmoid;

pub use self::cross_entropy::{CrossEntropy, cross_entropy};
pub use self::from_fn::{FromFn, from_fn};
pub use self::function::{Loss, Outputs};
use crate::checks::{same_rows, same_shape};
use crate::error::Result;
use crate::per_item::Mixable;

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
    let p = sigmoid(predictions);
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

/// Returns the mean of two losses of each element, `[batch, …]`, in the shares of each item.
fn mixed<const D: usize>(own: Tensor<D>, partner: Tensor<D>, shares: &[f32]) -> Result<Tensor<1>> {
    same_rows("shares of a mixed loss", own.dims()[0], shares.len())?;
    Ok(own.mixed(&partner, shares).mean())
}

/// [`mnist_loss`] as the loss of a learner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MnistLoss;

impl Loss<Tensor<2>, Tensor<2>> for MnistLoss {
    fn compute(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Result<Tensor<1>> {
        mnist_loss(predictions, targets)
    }

    fn compute_mixed(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        partners: Tensor<2>,
        shares: &[f32],
    ) -> Result<Tensor<1>> {
        same_shape("mnist_loss", &predictions, &targets)?;
        same_shape("mnist_loss", &predictions, &partners)?;
        let p = sigmoid(predictions);
        mixed((targets - p.clone()).abs(), (partners - p).abs(), shares)
    }

    fn name(&self) -> &str {
        "mnist"
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::Sigmoid)
    }
}

/// [`mse`] as the loss of a learner: PyTorch's `nn.MSELoss`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mse;

impl<const D: usize> Loss<Tensor<D>, Tensor<D>> for Mse {
    fn compute(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Result<Tensor<1>> {
        mse(predictions, targets)
    }

    fn compute_mixed(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        partners: Tensor<D>,
        shares: &[f32],
    ) -> Result<Tensor<1>> {
        same_shape("mse", &predictions, &targets)?;
        same_shape("mse", &predictions, &partners)?;
        let [own, partner] = [targets, partners].map(|targets| predictions.clone() - targets);
        mixed(own.clone() * own, partner.clone() * partner, shares)
    }

    fn name(&self) -> &str {
        "mse"
    }
}

/// [`l1`] as the loss of a learner: PyTorch's `nn.L1Loss`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct L1;

impl<const D: usize> Loss<Tensor<D>, Tensor<D>> for L1 {
    fn compute(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Result<Tensor<1>> {
        l1(predictions, targets)
    }

    fn compute_mixed(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        partners: Tensor<D>,
        shares: &[f32],
    ) -> Result<Tensor<1>> {
        same_shape("l1", &predictions, &targets)?;
        same_shape("l1", &predictions, &partners)?;
        mixed((predictions.clone() - targets).abs(), (predictions - partners).abs(), shares)
    }

    fn name(&self) -> &str {
        "l1"
    }
}
