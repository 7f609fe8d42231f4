//! Numbers that stay on the device until somebody asks for them.

use burn::tensor::Tensor;

use crate::error::{Error, Result};

/// How many single numbers are held before they are joined into one tensor, so that a long
/// epoch does not hold a buffer a step.
const JOIN_AT: usize = 512;

/// A growing list of scalars on a device.
///
/// A read waits for all work queued before it. A training loop that reads its loss at each step
/// therefore never lets a GPU run ahead; it pushes the loss here and reads many in one go.
#[derive(Debug, Default)]
pub(crate) struct Scalars {
    joined: Vec<Tensor<1>>,
    single: Vec<Tensor<1>>,
}

impl Scalars {
    /// Adds a tensor of shape `[1]`; nothing is read, and its graph is let go.
    pub fn push(&mut self, value: Tensor<1>) {
        self.single.push(value.inner());
        if self.single.len() == JOIN_AT {
            self.joined.push(Tensor::cat(std::mem::take(&mut self.single), 0));
        }
    }

    /// Reads and removes everything that was pushed, in order.
    pub fn take(&mut self) -> Result<Vec<f32>> {
        let mut tensors = std::mem::take(&mut self.joined);
        tensors.append(&mut self.single);
        if tensors.is_empty() {
            return Ok(Vec::new());
        }
        Tensor::cat(tensors, 0)
            .try_into_vec_as::<f32>()
            .map_err(|error| Error::compute("read the losses and metrics", error))
    }
}

/// The mean over all items of several batches, gathered from each batch's mean and what it counts.
#[derive(Debug, Default)]
pub(crate) struct MeanOverBatches {
    means: Scalars,
    /// What the batches count that say so themselves.
    weights: Scalars,
    /// The items of the others; `None` stands for the next one of `weights`.
    items: Vec<Option<usize>>,
}

impl MeanOverBatches {
    /// Takes a batch's mean, `[1]`, which counts as much as its items, or as `weight`, `[1]`.
    pub fn push(&mut self, mean: Tensor<1>, items: usize, weight: Option<Tensor<1>>) {
        self.items.push(weight.is_none().then_some(items));
        self.means.push(mean);
        if let Some(weight) = weight {
            self.weights.push(weight);
        }
    }

    /// How many batches there were.
    pub fn batches(&self) -> usize {
        self.items.len()
    }

    /// Reads and removes everything: each batch's mean, and the mean over all items, which is NaN
    /// without any.
    pub fn take(&mut self) -> Result<(Vec<f32>, f64)> {
        let (means, weights) = (self.means.take()?, self.weights.take()?);
        let mut weights = weights.into_iter();
        let (mut sum, mut total) = (0.0, 0.0);
        for (&mean, items) in means.iter().zip(self.items.drain(..)) {
            let weight = match items {
                Some(items) => items as f64,
                None => weights.next().map_or(f64::NAN, f64::from),
            };
            sum += f64::from(mean) * weight;
            total += weight;
        }
        Ok((means, sum / total))
    }
}
