//! A function as a loss.

use burn::tensor::Tensor;

use super::function::Loss;
use crate::error::Result;

/// A function with a name, which is a loss; see [`from_fn`].
#[derive(Debug, Clone)]
pub struct FromFn<F> {
    name: String,
    function: F,
}

/// Makes a loss from a function of outputs and targets to their mean loss, `[1]`.
///
/// The name is part of summaries, model files and checkpoints: a run is resumed only with a loss of
/// the same name.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::{Loss, from_fn};
///
/// let quartic = from_fn("quartic", |outputs: Tensor<2>, targets: Tensor<2>| {
///     Ok((outputs - targets).powi_scalar(4).mean())
/// });
///
/// let device = fastburn::device::cpu()?;
/// let loss = quartic.compute(Tensor::full([3, 1], 2.0, &device), Tensor::zeros([3, 1], &device))?;
/// assert_eq!(loss.into_scalar::<f32>(), 16.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn from_fn<F>(name: impl Into<String>, function: F) -> FromFn<F> {
    FromFn { name: name.into(), function }
}

impl<O, T, F> Loss<O, T> for FromFn<F>
where
    F: Fn(O, T) -> Result<Tensor<1>> + Send,
{
    fn compute(&self, outputs: O, targets: T) -> Result<Tensor<1>> {
        (self.function)(outputs, targets)
    }

    fn name(&self) -> &str {
        &self.name
    }
}
