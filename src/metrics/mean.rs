//! Metrics that are means over all items.

use burn::tensor::Tensor;
use serde_json::Value;

use super::metric::Metric;
use crate::checks::one_number;
use crate::error::Result;
use crate::scalars::MeanOverBatches;

/// A metric that is the mean over all items, from a function that returns the mean of a batch.
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
///
/// For a weighted mean, `sum(weight · value) / sum(weight)`, independent of the batch size, the
/// function returns the weighted mean of the batch and the sum of its weights:
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{Mean, Metric};
///
/// let device = fastburn::device::cpu()?;
/// // The mean error, in which items of class 1 have weight 3.
/// let mut error = Mean::new("error", |errors: Tensor<1>, classes: Tensor<1, Int>| {
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
pub struct Mean<F> {
    name: String,
    function: F,
    smaller_is_better: Option<bool>,
    config: Value,
    means: MeanOverBatches,
}

/// What the function of a [`Mean`] returns for a batch: its mean, or its weighted mean and the sum
/// of its weights, `[1]` each.
pub trait BatchMean {
    /// Returns the mean and, if there are weights, their sum.
    fn parts(self) -> (Tensor<1>, Option<Tensor<1>>);
}

impl BatchMean for Tensor<1> {
    fn parts(self) -> (Tensor<1>, Option<Tensor<1>>) {
        (self, None)
    }
}

impl BatchMean for (Tensor<1>, Tensor<1>) {
    fn parts(self) -> (Tensor<1>, Option<Tensor<1>>) {
        (self.0, Some(self.1))
    }
}

impl<F> Mean<F> {
    /// Creates a metric from a function of a batch's predictions and targets to their mean, `[1]`,
    /// or to their weighted mean and the sum of the weights.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self {
            name: name.into(),
            function,
            smaller_is_better: None,
            config: Value::Null,
            means: MeanOverBatches::default(),
        }
    }

    /// Sets whether smaller values are better (default: unknown).
    pub fn smaller_is_better(mut self, smaller_is_better: bool) -> Self {
        self.smaller_is_better = Some(smaller_is_better);
        self
    }

    /// Sets the metric's settings, which tell it from another of the same name in a checkpoint.
    pub fn with_config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }
}

impl<O, T, F, R> Metric<O, T> for Mean<F>
where
    F: Fn(O, T) -> Result<R> + Send,
    R: BatchMean,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn smaller_is_better(&self) -> Option<bool> {
        self.smaller_is_better
    }

    fn config(&self) -> Value {
        self.config.clone()
    }

    fn reset(&mut self) {
        self.means = MeanOverBatches::default();
    }

    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()> {
        let (mean, weight) = (self.function)(predictions, targets)?.parts();
        one_number("a metric", &mean)?;
        if let Some(weight) = &weight {
            one_number("the weight of a metric", weight)?;
        }
        self.means.push(mean, items, weight);
        Ok(())
    }

    fn value(&mut self) -> Result<f64> {
        Ok(self.means.take()?.1)
    }
}
