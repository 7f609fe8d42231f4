//! A model's weights with PyTorch's names and layout.

use std::collections::BTreeMap;

use safetensors::tensor::Dtype;

use super::values::{Values, Weights};
use crate::error::{Error, Result};

/// Named weights, called `state_dict` in PyTorch.
///
/// The weight of a linear layer is `[outputs, inputs]` here, as in PyTorch, and
/// `[inputs, outputs]` in Burn.
///
/// ```
/// use fastburn::models::{MlpConfig, StateDict};
///
/// let device = fastburn::device::cpu()?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let weights = StateDict::of(&model)?;
/// // As in `torch.nn.Sequential(Linear(784, 30), ReLU(), Linear(30, 10))`:
/// assert_eq!(
///     weights.names().collect::<Vec<_>>(),
///     ["0.bias", "0.weight", "2.bias", "2.weight"]
/// );
///
/// let mut other = MlpConfig::new([784, 30, 10]).init(&device, 0)?;
/// weights.load_into(&mut other)?;
/// let mut wider = MlpConfig::new([784, 50, 10]).init(&device, 0)?;
/// assert!(weights.load_into(&mut wider).is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StateDict {
    /// The source of the weights, as named in messages.
    pub(super) place: String,
    pub(super) tensors: BTreeMap<String, Weights>,
}

impl StateDict {
    /// Returns the tensor names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Returns the shape of a tensor, or `None` if there is none of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|weights| weights.shape.as_slice())
    }

    /// Returns the values of a tensor in row-major order, or `None` if there is none of that name,
    /// or if its values are not floats.
    pub fn values(&self, name: &str) -> Option<&[f32]> {
        self.tensors.get(name)?.values.floats()
    }

    /// Returns the values of a tensor of integers in row-major order, or `None` if there is none of
    /// that name, or if its values are not integers.
    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        match &self.tensors.get(name)?.values {
            Values::Integers(values) => Some(values),
            _ => None,
        }
    }

    /// Returns the values of a tensor of booleans in row-major order, or `None` if there is none of
    /// that name, or if its values are not booleans.
    pub fn booleans(&self, name: &str) -> Option<&[bool]> {
        match &self.tensors.get(name)?.values {
            Values::Booleans(values) => Some(values),
            _ => None,
        }
    }

    /// Returns the weights whose names satisfy `which`.
    pub(in crate::models) fn filter(mut self, which: impl Fn(&str) -> bool) -> Self {
        self.tensors.retain(|name, _| which(name));
        self
    }

    /// Returns the weights with a tensor of `[outputs, 3, height, width]` summed over its inputs, so
    /// that a convolution of colour images becomes one of grey images, whose three channels would be
    /// equal. Other tensors stay as they are.
    pub(in crate::models) fn sum_over_colours(mut self, name: &str) -> Self {
        if let Some(Weights { shape, values: Values::Floats(values) }) = self.tensors.get_mut(name)
            && let [_, 3, height, width] = **shape
        {
            let size = height * width;
            let summed = |kernel: &[f32]| -> Vec<f32> {
                (0..size).map(|i| kernel[i] + kernel[size + i] + kernel[2 * size + i]).collect()
            };
            *values = values.chunks_exact(3 * size).flat_map(summed).collect();
            shape[1] = 1;
        }
        self
    }

    /// Returns these weights and others, with other names.
    pub(in crate::models) fn merge(mut self, others: Self) -> Self {
        self.tensors.extend(others.tensors);
        self
    }

    /// Returns an error about these weights.
    pub(in crate::models) fn error(&self, problem: String) -> Error {
        Error::file(&self.place, problem)
    }

    /// Refuses NaN and infinite weights.
    pub(crate) fn check_finite(&self) -> Result<()> {
        let broken = |(_, weights): &(&String, &Weights)| {
            weights.values.floats().is_some_and(|floats| !floats.iter().all(|v| v.is_finite()))
        };
        match self.tensors.iter().find(broken) {
            Some((name, _)) => Err(self.error(format!("{name} has NaN or infinite values"))),
            None => Ok(()),
        }
    }

    /// Returns each tensor's type, shape and little-endian bytes in a safetensors file.
    pub(crate) fn stored(&self) -> BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> {
        let tensors = self.tensors.iter().map(|(name, weights)| {
            let (dtype, bytes) = weights.stored();
            (name.clone(), (dtype, weights.shape.clone(), bytes))
        });
        tensors.collect()
    }
}

/// Compares the weights, not where they came from.
impl PartialEq for StateDict {
    fn eq(&self, other: &Self) -> bool {
        self.tensors == other.tensors
    }
}

/// Transposes a matrix of `[rows, columns]` in row-major order.
///
/// Burn stores the weight of a linear layer as `[inputs, outputs]`, since it computes `x · W`;
/// PyTorch as `[outputs, inputs]`, since it computes `x · Wᵀ`.
pub(super) fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::transposed;

    #[test]
    fn the_rows_of_a_matrix_become_its_columns() {
        let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(transposed(&matrix, [2, 3]), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(transposed(&matrix, [1, 6]), matrix);
        assert_eq!(transposed(&transposed(&matrix, [3, 2]), [2, 3]), matrix);
    }
}
