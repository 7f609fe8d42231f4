//! Numbers that stay on the device until they are read.

use burn::tensor::Tensor;

use crate::error::{Error, Result};

/// The number of single-number tensors to join into one, so that a long epoch does not hold one
/// buffer per step.
const JOIN_AT: usize = 512;

/// A growing list of scalars on a device.
///
/// A read waits for all work queued before it, so a training loop that read its loss at each step
/// would never let a GPU run ahead. It pushes each loss here instead, and reads many at once.
#[derive(Debug, Default)]
pub(crate) struct Scalars {
    joined: Vec<Tensor<1>>,
    single: Vec<Tensor<1>>,
}

impl Scalars {
    /// Adds a tensor of shape `[1]` without reading it, and releases its autodiff graph.
    pub fn push(&mut self, value: Tensor<1>) {
        self.single.push(value.inner());
        if self.single.len() == JOIN_AT {
            self.joined.push(Tensor::cat(std::mem::take(&mut self.single), 0));
        }
    }

    /// Reads and removes all numbers, in the order in which they were pushed.
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

/// The mean over all items of several batches, from the mean and the weight of each batch.
#[derive(Debug, Default)]
pub(crate) struct MeanOverBatches {
    means: Scalars,
    /// The weights of the batches that have their own.
    weights: Scalars,
    /// The number of items of each batch; `None` for a batch whose weight is the next of `weights`.
    items: Vec<Option<usize>>,
    /// The batches that were read already: the weighted sum of their means, and their weights.
    sum: f64,
    total: f64,
}

impl MeanOverBatches {
    /// Adds the mean of a batch, `[1]`, weighted by its number of items or by `weight`, `[1]`.
    pub fn push(&mut self, mean: Tensor<1>, items: usize, weight: Option<Tensor<1>>) {
        self.items.push(weight.is_none().then_some(items));
        self.means.push(mean);
        if let Some(weight) = weight {
            self.weights.push(weight);
        }
    }

    /// Returns the number of batches.
    pub fn batches(&self) -> usize {
        self.items.len()
    }

    /// Reads the batches that were added since the last call. Returns the mean of each, and the
    /// mean over all items of all batches, NaN if there are none.
    pub fn take(&mut self) -> Result<(Vec<f32>, f64)> {
        let (means, weights) = (self.means.take()?, self.weights.take()?);
        let mut weights = weights.into_iter();
        for (&mean, items) in means.iter().zip(self.items.drain(..)) {
            let weight = match items {
                Some(items) => items as f64,
                None => weights.next().map_or(f64::NAN, f64::from),
            };
            // A batch of weight 0 has a mean of 0 / 0.
            if weight != 0.0 {
                self.sum += f64::from(mean) * weight;
                self.total += weight;
            }
        }
        Ok((means, self.sum / self.total))
    }
}
