//! Metrics of a confusion matrix: precision, recall, F scores and custom ones.

use burn::tensor::{Int, Tensor};
use serde_json::{Value, json};

use super::metric::Metric;
use crate::checks::same_rows;
use crate::error::{Error, Result};
use crate::records::{Average, Confusion};

/// A metric computed from the confusion matrix, for logits `[batch, classes]` against class indices
/// `[batch]`.
///
/// The classes of the [`Confusion`] are named by their indices.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::metrics::{FromConfusion, Metric};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.1, 0.9], [0.2, 0.8]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, 0], &device);
/// let mut missed = FromConfusion::new("missed", |confusion| 1.0 - confusion.class_accuracy(0));
/// missed.update(logits, targets, 2)?;
/// assert_eq!(missed.value()?, 1.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct FromConfusion<F> {
    name: String,
    function: F,
    smaller_is_better: Option<bool>,
    config: Value,
    /// `[actual, predicted]`, on the device.
    counts: Option<Tensor<2, Int>>,
    items: usize,
}

impl<F: Fn(&Confusion) -> f64> FromConfusion<F> {
    /// Creates a metric from a function of the confusion matrix over all batches.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self {
            name: name.into(),
            function,
            smaller_is_better: None,
            config: Value::Null,
            counts: None,
            items: 0,
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

impl<F: Fn(&Confusion) -> f64 + Send> Metric<Tensor<2>, Tensor<1, Int>> for FromConfusion<F> {
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
        self.counts = None;
        self.items = 0;
    }

    fn update(&mut self, logits: Tensor<2>, targets: Tensor<1, Int>, _: usize) -> Result<()> {
        let [rows, classes] = logits.dims();
        same_rows("classification metric", rows, targets.dims()[0])?;
        if let Some(counts) = &self.counts
            && counts.dims() != [classes, classes]
        {
            return Err(Error::Shape {
                what: "classification metric",
                expected: format!("{} classes, as in earlier batches", counts.dims()[0]),
                found: classes.to_string(),
            });
        }
        let predicted = one_hot(logits.inner().argmax(1), classes);
        let actual = one_hot(targets.inner().reshape([rows, 1]), classes);
        // Each entry sums products of 0 and 1, so it counts the rows with a 1 in both columns.
        let counts = actual.transpose().matmul(predicted).int();
        self.counts = Some(match self.counts.take() {
            Some(before) => before + counts,
            None => counts,
        });
        self.items += rows;
        Ok(())
    }

    fn value(&mut self) -> Result<f64> {
        let Some(counts) = &self.counts else { return Ok(f64::NAN) };
        let classes = counts.dims()[0];
        let counts = counts
            .clone()
            .try_into_vec_as::<u32>()
            .map_err(|error| Error::compute("read the counts of a metric", error))?;
        let rows = counts.chunks_exact(classes);
        let confusion = Confusion {
            classes: (0..classes).map(|class| class.to_string()).collect(),
            counts: rows.map(|row| row.iter().map(|&count| count as usize).collect()).collect(),
        };
        let counted: usize = confusion.counts.iter().flatten().sum();
        if counted != self.items {
            return Err(Error::Shape {
                what: "classification metric",
                expected: format!("targets from 0 to {}", classes - 1),
                found: format!("{} others among {} targets", self.items - counted, self.items),
            });
        }
        Ok((self.function)(&confusion))
    }
}

/// Converts indices `[rows, 1]` to one-hot rows `[rows, classes]`; an invalid index gives zeros.
fn one_hot(of: Tensor<2, Int>, classes: usize) -> Tensor<2> {
    let all = class_indices(classes, &of);
    of.equal(all).float()
}

/// Returns the indices of all classes, `[1, classes]`, to compare with `others`.
pub(super) fn class_indices(classes: usize, others: &Tensor<2, Int>) -> Tensor<2, Int> {
    let all = Tensor::<1, Int>::arange(0..classes as i64, (&others.device(), others.dtype()));
    all.reshape([1, classes])
}

/// Precision, the share of the items predicted as a class that belong to it, for logits
/// `[batch, classes]` against class indices `[batch]`. fastai's `Precision`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::records::Average;
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
    averaged("precision", average, move |confusion| confusion.precision(average))
}

/// Recall, the share of a class's items that were predicted as it, for logits `[batch, classes]`
/// against class indices `[batch]`. fastai's `Recall`; its macro average is the balanced accuracy.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::records::Average;
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
    averaged("recall", average, move |confusion| confusion.recall(average))
}

/// F1 score, which weights precision and recall equally, for logits `[batch, classes]` against
/// class indices `[batch]`. fastai's `F1Score`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::records::Average;
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

/// F-beta score, in which recall counts `beta` times as much as precision, for logits
/// `[batch, classes]` against class indices `[batch]`. Its column is "f2" for a `beta` of 2.
/// fastai's `FBeta`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::records::Average;
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
    averaged(format!("f{beta}"), average, move |confusion| confusion.f_beta(beta, average))
}

/// Creates a metric of which larger values are better, with the average as its settings.
fn averaged(
    name: impl Into<String>,
    average: Average,
    function: impl Fn(&Confusion) -> f64 + Send,
) -> impl Metric<Tensor<2>, Tensor<1, Int>> {
    let config = json!({ "average": average });
    FromConfusion::new(name, function).smaller_is_better(false).with_config(config)
}
