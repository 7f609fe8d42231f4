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

/// The mean over all items, from the mean over each batch and the batches' sizes.
pub(crate) fn weighted_mean(means: &[f32], items: &[usize]) -> f64 {
    let total: usize = items.iter().sum();
    let sum: f64 = means.iter().zip(items).map(|(&mean, &n)| f64::from(mean) * n as f64).sum();
    sum / total as f64
}
