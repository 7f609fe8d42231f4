//! Sources of batches: the trait, and its implementation for tensors.

use burn::tensor::kind::Autodiff;
use burn::tensor::{Device, Float, Int, Tensor, TensorData};
use serde_json::Value;

use super::items::BatchItems;
use crate::checks::same_rows;
use crate::error::Result;

/// The number of upcoming batches that are announced to a source.
pub(crate) const UPCOMING: usize = 16;

/// Inputs and targets that pass through a model together.
#[derive(Debug, Clone)]
pub struct Batch<I, T> {
    /// The model's input.
    pub input: I,
    /// The targets of the loss.
    pub target: T,
    /// The number of items.
    pub len: usize,
}

/// A source of items that makes a batch of any of them.
///
/// ```
/// use burn::tensor::{Device, Tensor, TensorData};
/// use fastburn::data::{BatchItems, DataLoader, Source};
///
/// /// The squares of the first hundred numbers.
/// struct Squares;
///
/// impl Source<Tensor<2>, Tensor<2>> for Squares {
///     fn len(&self) -> usize {
///         100
///     }
///
///     fn gather(
///         &self,
///         items: BatchItems<'_>,
///         device: &Device,
///     ) -> fastburn::Result<(Tensor<2>, Tensor<2>)> {
///         let x: Vec<f32> = items.indices.iter().map(|&i| i as f32).collect();
///         let x = Tensor::from_data(TensorData::new(x, [items.indices.len(), 1]), device);
///         Ok((x.clone(), x.clone() * x))
///     }
/// }
///
/// let device = fastburn::device::cpu()?;
/// let loader = DataLoader::new(Squares).batch_size(30)?;
/// let batch = loader.batch(&loader.order(0), 3, &device)?;
/// assert_eq!((loader.len(), batch.len), (4, 10));
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait Source<I, T>: Send + Sync {
    /// Returns the number of items.
    fn len(&self) -> usize;

    /// Returns whether there are no items.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Announces the next batches in their order, so that the source can prefetch them. By default
    /// nothing happens. An announced batch may never be requested: an epoch may be cancelled, and
    /// another loader may share the source.
    fn expect(&self, _upcoming: &[BatchItems<'_>]) {}

    /// Returns what the inputs depend on besides the items, such as their augmentation in training;
    /// `Null` for nothing. A run is resumed only with the same.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Returns the inputs and targets of the items, in their order, on `device`.
    ///
    /// # Errors
    ///
    /// Any error that prevents reading the items.
    fn gather(&self, items: BatchItems<'_>, device: &Device) -> Result<(I, T)>;
}

/// A source of tensors with one item per row.
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
///
/// Targets may be integers, such as class indices.
#[derive(Debug, Clone)]
pub struct TensorSource<const D: usize, const E: usize, K: Autodiff = Float> {
    inputs: Tensor<D>,
    targets: Tensor<E, K>,
}

impl<const D: usize, const E: usize, K: Autodiff> TensorSource<D, E, K> {
    /// Creates a source of the rows of `inputs` `[items, …]` and `targets` `[items, …]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if their numbers of rows differ.
    pub fn new(inputs: Tensor<D>, targets: Tensor<E, K>) -> Result<Self> {
        same_rows("TensorSource", inputs.dims()[0], targets.dims()[0])?;
        Ok(Self { inputs: inputs.inner(), targets: targets.inner() })
    }
}

impl TensorSource<2, 2> {
    /// Creates a source of slices of rows.
    ///
    /// ```
    /// use fastburn::data::TensorSource;
    ///
    /// let device = fastburn::device::cpu()?;
    /// let inputs = [[3.0, 70.0], [5.0, 120.0]];
    /// let source = TensorSource::from_rows(&inputs, &[[210.0], [365.0]], &device)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if their numbers of rows differ.
    pub fn from_rows<const F: usize, const V: usize>(
        inputs: &[[f32; F]],
        targets: &[[f32; V]],
        device: &Device,
    ) -> Result<Self> {
        fn tensor<const N: usize>(rows: &[[f32; N]], device: &Device) -> Tensor<2> {
            let values = TensorData::new(rows.as_flattened().to_vec(), [rows.len(), N]);
            Tensor::from_data(values, device)
        }
        Self::new(tensor(inputs, device), tensor(targets, device))
    }
}

impl<const D: usize, const E: usize, K> Source<Tensor<D>, Tensor<E, K>> for TensorSource<D, E, K>
where
    K: Autodiff,
{
    fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    fn gather(&self, items: BatchItems<'_>, device: &Device) -> Result<(Tensor<D>, Tensor<E, K>)> {
        let rows: Vec<i32> = items.indices.iter().map(|i| i.cast_signed()).collect();
        let rows = TensorData::new(rows, [items.indices.len()]);
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
