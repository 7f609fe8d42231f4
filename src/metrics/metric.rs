//! The trait of metrics, and means of a function over all items.

use burn::tensor::Tensor;
use serde_json::Value;

use crate::checks::one_number;
use crate::error::Result;
use crate::scalars::MeanOverBatches;

/// A number computed from predictions and targets, batch by batch.
///
/// For a mean over items, pass the function of one batch to [`Mean`]. For a function of the
/// [`Confusion`](crate::records::Confusion) matrix, use [`FromConfusion`](super::FromConfusion).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric of outputs `{O}` and targets `{T}`",
    label = "not a metric of these outputs and targets",
    note = "for a function of one batch, use `fastburn::metrics::Mean::new(\"name\", function)`"
)]
pub trait Metric<O, T>: Send {
    /// Returns the name, which is the header of the metric's column.
    fn name(&self) -> &str;

    /// Returns whether smaller values are better, `None` if the metric does not know. Callbacks that
    /// compare epochs, such as [`EarlyStopping`](crate::callbacks::EarlyStopping), go by it.
    fn smaller_is_better(&self) -> Option<bool> {
        None
    }

    /// Returns the metric's settings, `Null` for none. A run is resumed only with metrics of the same
    /// names and settings.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Resets the metric before a pass.
    fn reset(&mut self);

    /// Adds a batch of `items` predictions and targets.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if their shapes do not match.
    fn update(&mut self, predictions: O, targets: T, items: usize) -> Result<()>;

    /// Returns the value over all batches since [`reset`](Self::reset), NaN if there were none.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`](crate::Error::Compute) if the device fails.
    fn value(&mut self) -> Result<f64>;
}

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
#[derive(Debug)]
pub struct Mean<F> {
    name: String,
    function: F,
    smaller_is_better: Option<bool>,
    config: Value,
    means: MeanOverBatches,
}

impl<F> Mean<F> {
    /// Creates a metric from a function of a batch's predictions and targets to their mean, `[1]`.
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

impl<O, T, F> Metric<O, T> for Mean<F>
where
    F: Fn(O, T) -> Result<Tensor<1>> + Send,
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
        let mean = (self.function)(predictions, targets)?;
        one_number("a metric", &mean)?;
        self.means.push(mean, items, None);
        Ok(())
    }

    fn value(&mut self) -> Result<f64> {
        Ok(self.means.take()?.1)
    }
}

/// A metric that is a weighted mean over all items, `sum(weight · value) / sum(weight)`,
/// independent of the batch size.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{Metric, WeightedMean};
///
/// let device = fastburn::device::cpu()?;
/// // The mean error, in which items of class 1 have weight 3.
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
    smaller_is_better: Option<bool>,
    config: Value,
    means: MeanOverBatches,
}

impl<F> WeightedMean<F> {
    /// Creates a metric from a function of a batch's predictions and targets to their weighted mean
    /// and the sum of the weights, `[1]` each.
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

impl<O, T, F> Metric<O, T> for WeightedMean<F>
where
    F: Fn(O, T) -> Result<(Tensor<1>, Tensor<1>)> + Send,
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
