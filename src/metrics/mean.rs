//! The mean of a function over all items.

use burn::tensor::Tensor;

use super::Metric;
use crate::error::Result;
use crate::scalars::{Scalars, weighted_mean};
use crate::shape::one_number;

/// A metric that is the mean over all items of a function's mean over each batch.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::metrics::{Mean, Metric};
///
/// let device = fastburn::device::cpu()?;
/// let mut bias = Mean::new("bias", |predictions: Tensor<1>, targets: Tensor<1>| {
///     Ok((predictions - targets).mean())
/// });
/// bias.update(Tensor::from_data([3.0], &device), Tensor::from_data([0.0], &device), 1)?;
/// bias.update(Tensor::zeros([2], &device), Tensor::zeros([2], &device), 2)?;
/// assert_eq!(bias.value()?, 1.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct Mean<F> {
    name: String,
    function: F,
    means: Scalars,
    items: Vec<usize>,
}

/// A [`Mean`] of a plain function of outputs and targets.
pub type MeanOf<O, T> = Mean<fn(O, T) -> Result<Tensor<1>>>;

impl<F> Mean<F> {
    /// A metric from a function of one batch's predictions and targets to their mean, `[1]`.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self { name: name.into(), function, means: Scalars::default(), items: Vec::new() }
    }
}

impl<O, T, F> Metric<O, T> for Mean<F>
where
    F: Fn(O, T) -> Result<Tensor<1>> + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn reset(&mut self) {
        self.means = Scalars::default();
        self.items.clear();
    }

    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()> {
        let mean = (self.function)(predictions, targets)?;
        one_number("a metric", &mean)?;
        self.means.push(mean);
        self.items.push(items);
        Ok(())
    }

    fn value(&mut self) -> Result<f64> {
        let value = weighted_mean(&self.means.take()?, &self.items);
        self.items.clear();
        Ok(value)
    }
}
