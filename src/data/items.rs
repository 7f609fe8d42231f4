//! The order of the items in an epoch, and the items of a batch.

use std::ops::Deref;

use rand::Rng;

use crate::seed::{Seed, Stream};

/// The indices of the items in the order of an epoch, usually from
/// [`DataLoader::order`](super::DataLoader::order).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    indices: Vec<u32>,
    pub(super) epoch: usize,
}

impl Order {
    /// Chooses items and their order, as of an epoch.
    pub fn new(indices: impl Into<Vec<u32>>, epoch: usize) -> Self {
        Self { indices: indices.into(), epoch }
    }
}

impl Deref for Order {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.indices
    }
}

/// The items of a batch that a [`Source`](super::Source) makes, and what their randomness may
/// depend on.
///
/// ```
/// use burn::tensor::{Device, Tensor, TensorData};
/// use fastburn::data::{BatchItems, DataLoader, Source};
/// use fastburn::rand::RngExt;
/// use fastburn::Result;
///
/// /// Numbers with a little noise in training.
/// struct Noisy;
///
/// impl Source<Tensor<1>, ()> for Noisy {
///     fn len(&self) -> usize {
///         100
///     }
///
///     fn gather(&self, items: BatchItems<'_>, device: &Device) -> Result<(Tensor<1>, ())> {
///         let number = |&item: &u32| {
///             let noise = if items.training { items.rng(item).random::<f32>() } else { 0.0 };
///             item as f32 + noise
///         };
///         let numbers: Vec<f32> = items.indices.iter().map(number).collect();
///         Ok((Tensor::from_data(TensorData::from(&numbers[..]), device), ()))
///     }
/// }
///
/// let device = fastburn::device::cpu()?;
/// let loader = DataLoader::new(Noisy).training(true);
/// let batch = |epoch| Ok(loader.batch(&loader.order(epoch), 0, &device)?.input.to_data());
/// assert_eq!(batch(0)?, batch(0)?);
/// assert_ne!(batch(0)?, batch(1)?);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchItems<'a> {
    /// The indices of the items, in the order of the batch.
    pub indices: &'a [u32],
    /// The number of the batch in its epoch, from 0.
    pub batch: usize,
    /// The number of epochs before this one.
    pub epoch: usize,
    /// The random seed of the loader's order, 0 without one.
    pub seed: Seed,
    /// Whether the batch is for training.
    pub training: bool,
}

impl<'a> BatchItems<'a> {
    /// Asks for items by their indices, not for training, as the first batch of epoch 0 with seed 0.
    pub fn new(indices: &'a [u32]) -> Self {
        Self { indices, batch: 0, epoch: 0, seed: Seed::default(), training: false }
    }

    /// Returns the random generator of an item, by seed, epoch and item: its numbers do not depend
    /// on the other items, on the batch size or on the number of threads.
    pub fn rng(&self, item: u32) -> impl Rng + use<> {
        self.seed.rng(Stream::Items, (self.epoch as u64) << 32 | u64::from(item))
    }

    /// Returns the random generator of the batch, by seed, epoch and batch.
    pub fn batch_rng(&self) -> impl Rng + use<> {
        self.seed.rng(Stream::Batches, (self.epoch as u64) << 32 | self.batch as u64)
    }
}
