//! Metrics of how often each class was predicted for each class.

use burn::tensor::{Int, Tensor};

use super::{Metric, indices};
use crate::confusion::Confusion;
use crate::error::{Error, Result};
use crate::shape::same_rows;

/// A metric that is a function of how often each class was predicted for each class, for logits
/// `[batch, classes]` against class indices `[batch]`.
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
    /// `[actual, predicted]`, on the device.
    counts: Option<Tensor<2, Int>>,
    items: usize,
}

impl<F: Fn(&Confusion) -> f64> FromConfusion<F> {
    /// A metric from a function of the counts over all batches.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self { name: name.into(), function, counts: None, items: 0 }
    }
}

impl<F: Fn(&Confusion) -> f64 + Send> Metric<Tensor<2>, Tensor<1, Int>> for FromConfusion<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reset(&mut self) {
        self.counts = None;
        self.items = 0;
    }

    fn update(&mut self, logits: Tensor<2>, targets: Tensor<1, Int>, _: usize) -> Result<()> {
        let [rows, classes] = logits.dims();
        same_rows("a metric of classes", rows, targets.dims()[0])?;
        if let Some(counts) = &self.counts
            && counts.dims() != [classes, classes]
        {
            return Err(Error::Shape {
                what: "a metric of classes",
                expected: format!("{} classes, as in the batches before", counts.dims()[0]),
                found: classes.to_string(),
            });
        }
        let predicted = one_hot(logits.inner().argmax(1), classes);
        let actual = one_hot(targets.inner().reshape([rows, 1]), classes);
        // Products of 0 and 1: each sum is the number of rows that have a 1 in both columns.
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
                what: "a metric of classes",
                expected: format!("targets from 0 to {}", classes - 1),
                found: format!("{} others among {}", self.items - counted, self.items),
            });
        }
        Ok((self.function)(&confusion))
    }
}

/// `[rows, classes]` from indices `[rows, 1]`; one that is no class gives zeros alone.
fn one_hot(of: Tensor<2, Int>, classes: usize) -> Tensor<2> {
    let all = indices(classes, &of);
    of.equal(all).float()
}
