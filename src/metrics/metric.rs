//! What a metric is, and the mean of a function over all items.

use burn::tensor::Tensor;

use crate::checks::one_number;
use crate::error::Result;
use crate::scalars::MeanOverBatches;

/// A number about predictions and targets, gathered batch by batch.
///
/// For one that is a mean over items, give the function of one batch to [`Mean`]; for one of the
/// counts of a [`Confusion`](crate::records::Confusion), give its function to [`FromConfusion`].
pub trait Metric<O, T>: Send {
    /// The name that stands above its column.
    fn name(&self) -> &str;

    /// Forgets everything, before a pass.
    fn reset(&mut self);

    /// Takes a batch of `items` predictions and targets into account.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if the two do not fit each other.
    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()>;

    /// The value over all batches since [`reset`](Self::reset); NaN if there was none.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    fn value(&mut self) -> Result<f64>;
}

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
    means: MeanOverBatches,
}

/// A [`Mean`] of a plain function of outputs and targets.
pub type MeanOf<O, T> = Mean<fn(O, T) -> Result<Tensor<1>>>;

impl<F> Mean<F> {
    /// A metric from a function of one batch's predictions and targets to their mean, `[1]`.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self { name: name.into(), function, means: MeanOverBatches::default() }
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
        self.means = MeanOverBatches::default();
    }

    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()> {
        let mean = (self.function)(predictions, targets)?;
        one_number("a metric", &mean)?;
        self.means.push(mean, items, None);
        Ok(())
    }

    fn value(&mut self) -> Result<f64> {
        Ok(self.means.take()?.1)
    }
}

/// A metric that is a weighted mean over all items: `sum(weight · value) / sum(weight)`, the same
/// for any batch size.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{Metric, WeightedMean};
///
/// let device = fastburn::device::cpu()?;
/// // The error of items of class 1, which count three times.
/// let mut error = WeightedMean::new("error", |errors: Tensor<1>, classes: Tensor<1, Int>| {
///     let weights = classes.float() * 2.0 + 1.0;
///     let total = weights.clone().sum();
///     Ok(((errors * weights).sum() / total.clone(), total))
/// });
/// let classes = |classes| Tensor::<1, Int>::from_data(classes, &device);
/// error.update(Tensor::from_data([4.0], &device), classes([0]), 1)?;
/// error.update(Tensor::from_data([0.0], &device), classes([1]), 1)?;
/// assert_eq!(error.value()?, 1.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct WeightedMean<F> {
    name: String,
    function: F,
    means: MeanOverBatches,
}

impl<F> WeightedMean<F> {
    /// A metric from a function of one batch's predictions and targets to their weighted mean and
    /// the sum of the weights, `[1]` each.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self { name: name.into(), function, means: MeanOverBatches::default() }
    }
}

impl<O, T, F> Metric<O, T> for WeightedMean<F>
where
    F: Fn(O, T) -> Result<(Tensor<1>, Tensor<1>)> + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn reset(&mut self) {
        self.means = MeanOverBatches::default();
    }

    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()> {
        let (mean, weight) = (self.function)(predictions, targets)?;
        one_number("a metric", &mean)?;
        one_number("the weight of a metric", &weight)?;
        self.means.push(mean, items, Some(weight));
        Ok(())
    }

    fn value(&mut self) -> Result<f64> {
        Ok(self.means.take()?.1)
    }
}
