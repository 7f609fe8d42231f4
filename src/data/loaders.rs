//! The two loaders of a learner.

use super::item_format::ItemFormat;
use super::loader::DataLoader;
use super::source::Source;
use crate::error::Result;
use crate::seed::Seed;

/// The data that a learner takes: batches for training and batches for validation.
///
/// ```
/// use fastburn::data::{DataLoaders, one_hot};
/// use fastburn::vision::{ReadOptions, Splits};
///
/// let device = fastburn::device::cpu()?;
/// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
/// let dls = DataLoaders::from_images(train, valid, one_hot, &device).batch_size(256)?;
/// assert_eq!((dls.train.len(), dls.valid.len()), (23, 4)); // ⌊6000 / 256⌋ and ⌈1000 / 256⌉
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataLoaders<I, T> {
    /// The training batches. By default shuffled, without an incomplete last batch, as in fastai.
    pub train: DataLoader<I, T>,
    /// The validation batches. By default all of them, in order.
    pub valid: DataLoader<I, T>,
    /// The format of the items, if known; model files store it.
    pub items: Option<ItemFormat>,
}

impl<I, T> DataLoaders<I, T> {
    /// Creates loaders from a training source, which is shuffled, and a validation source, with
    /// batches of 64.
    pub fn new(
        train: impl Source<I, T> + 'static,
        valid: impl Source<I, T> + 'static,
        seed: impl Into<Seed>,
    ) -> Self {
        Self::from_loaders(
            DataLoader::new(train).shuffle(seed.into()).drop_last(true),
            DataLoader::new(valid),
        )
    }

    /// Combines two loaders as they are, one for training and one for validation.
    pub fn from_loaders(train: DataLoader<I, T>, valid: DataLoader<I, T>) -> Self {
        Self { train: train.training(true), valid: valid.training(false), items: None }
    }

    /// Sets the batch size of both loaders (default: 64).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if it is 0.
    pub fn batch_size(self, batch_size: usize) -> Result<Self> {
        Ok(Self {
            train: self.train.batch_size(batch_size)?,
            valid: self.valid.batch_size(batch_size)?,
            ..self
        })
    }

    /// Shuffles each training epoch anew with this random seed; `None` keeps the source's order.
    pub fn shuffle(mut self, seed: impl Into<Option<Seed>>) -> Self {
        self.train = self.train.shuffle(seed);
        self
    }
}
