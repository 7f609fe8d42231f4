//! Rows of tensors as a data set: regression, tables, anything that is numbers already.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::loader::Source;
use crate::error::Result;
use crate::shape::same_rows;

/// Inputs and targets that are tensors already, one item a row.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::data::{DataLoaders, TensorSource};
///
/// let device = fastburn::device::cpu()?;
/// let x = Tensor::<1>::from_data([0.0, 1.0, 2.0, 3.0], &device).reshape([4, 1]);
/// let source = TensorSource::new(x.clone(), x * 2)?;
/// let dls = DataLoaders::new(source.clone(), source, 0).batch_size(2)?;
/// assert_eq!(dls.train.len(), 2);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TensorSource<const D: usize, const E: usize> {
    inputs: Tensor<D>,
    targets: Tensor<E>,
}

impl<const D: usize, const E: usize> TensorSource<D, E> {
    /// A source of the rows of `inputs` `[items, …]` and `targets` `[items, …]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if they differ in their number of rows.
    pub fn new(inputs: Tensor<D>, targets: Tensor<E>) -> Result<Self> {
        same_rows("TensorSource", inputs.dims()[0], targets.dims()[0])?;
        Ok(Self { inputs: inputs.inner(), targets: targets.inner() })
    }
}

impl<const D: usize, const E: usize> Source<Tensor<D>, Tensor<E>> for TensorSource<D, E> {
    fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    fn gather(&self, indices: &[u32], device: &Device) -> Result<(Tensor<D>, Tensor<E>)> {
        let rows: Vec<i32> = indices.iter().map(|i| i.cast_signed()).collect();
        let rows = TensorData::new(rows, [indices.len()]);
        let rows = Tensor::<1, Int>::from_data(rows, &self.inputs.device());
        let plain = device.clone().inner();
        let input = self.inputs.clone().select(0, rows.clone()).to_device(&plain);
        let target = self.targets.clone().select(0, rows).to_device(&plain);
        if device.is_autodiff() {
            return Ok((input.autodiff(), target.autodiff()));
        }
        Ok((input, target))
    }
}
