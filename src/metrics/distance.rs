//! Regression metrics: the distance of predictions from targets.

use burn::tensor::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use crate::checks::same_shape;
use crate::error::Result;

/// Mean squared error of predictions against targets of the same shape, batch first.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::metrics::{Metric, mse};
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], &device);
/// let targets = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 0.0]], &device);
/// let mut mse = mse();
/// mse.update(predictions, targets, 2)?;
/// assert_eq!(mse.value()?, 4.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn mse<const D: usize>() -> impl Metric<Tensor<D>, Tensor<D>> {
    Mean::new("mse", |predictions, targets| mean_square("mse", predictions, targets))
        .smaller_is_better(true)
}

/// Root mean squared error over all items, of predictions against targets of the same shape, batch
/// first; in the unit of the targets.
///
/// The root is taken once, since a mean of roots per batch would depend on the batch size. fastai's
/// `rmse`.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::metrics::{Metric, rmse};
///
/// let device = fastburn::device::cpu()?;
/// let targets = || Tensor::<1>::zeros([1], &device);
/// let mut rmse = rmse();
/// rmse.update(Tensor::from_data([1.0], &device), targets(), 1)?;
/// rmse.update(Tensor::from_data([7.0], &device), targets(), 1)?;
/// assert_eq!(rmse.value()?, 5.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn rmse<const D: usize>() -> impl Metric<Tensor<D>, Tensor<D>> {
    RootOfMean(Mean::new("rmse", |predictions, targets| mean_square("rmse", predictions, targets)))
}

/// Mean absolute error of predictions against targets of the same shape, batch first; in the unit
/// of the targets.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::metrics::{Metric, mae};
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<1>::from_data([1.0, 2.0], &device);
/// let mut mae = mae();
/// mae.update(predictions, Tensor::from_data([3.0, 1.0], &device), 2)?;
/// assert_eq!(mae.value()?, 1.5);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn mae<const D: usize>() -> impl Metric<Tensor<D>, Tensor<D>> {
    Mean::new("mae", |predictions, targets| {
        same_shape("mae", &predictions, &targets)?;
        Ok((predictions - targets).abs().mean())
    })
    .smaller_is_better(true)
}

fn mean_square<const D: usize>(
    what: &'static str,
    predictions: Tensor<D>,
    targets: Tensor<D>,
) -> Result<Tensor<1>> {
    same_shape(what, &predictions, &targets)?;
    let difference = predictions - targets;
    Ok((difference.clone() * difference).mean())
}

/// The square root of a mean.
struct RootOfMean<M>(M);

impl<M: Metric<O, T>, O, T> Metric<O, T> for RootOfMean<M> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn smaller_is_better(&self) -> Option<bool> {
        Some(true)
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()> {
        self.0.update(predictions, targets, items)
    }

    fn value(&mut self) -> Result<f64> {
        Ok(self.0.value()?.sqrt())
    }
}
