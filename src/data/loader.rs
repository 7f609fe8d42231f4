//! Which items make up a batch, in which order; to train on, and to validate on.

use std::sync::Arc;

use burn::tensor::Device;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedIndex;
use serde_json::Value;

use super::source::{Batch, Source, UPCOMING};
use crate::error::{Error, Result};
use crate::printable::short_number;
use crate::seed::{Seed, Stream};

/// fastai's batch size.
const BATCH_SIZE: usize = 64;

/// Batches of a [`Source`], shuffled by `(seed, epoch)`, drawn by weights, or in the source's order.
pub struct DataLoader<I, T> {
    source: Arc<dyn Source<I, T>>,
    batch_size: usize,
    shuffle: Option<Seed>,
    weights: Option<Arc<WeightedIndex<f64>>>,
    drop_last: bool,
}

impl<I, T> DataLoader<I, T> {
    /// Batches of 64 in the source's order, the last one as small as it falls.
    pub fn new(source: impl Source<I, T> + 'static) -> Self {
        Self {
            source: Arc::new(source),
            batch_size: BATCH_SIZE,
            shuffle: None,
            weights: None,
            drop_last: false,
        }
    }

    /// Another batch size.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is 0.
    pub fn batch_size(mut self, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::setting("batch size", 0, "at least 1"));
        }
        self.batch_size = batch_size;
        Ok(self)
    }

    /// Another order in each epoch, drawn by the seed; `None` for the source's own.
    pub fn shuffle(mut self, seed: impl Into<Option<Seed>>) -> Self {
        self.shuffle = seed.into();
        self
    }

    /// Draws the items of an epoch with replacement, each as often as its weight says, in place of
    /// going through all of them: PyTorch's `WeightedRandomSampler`, fastai's
    /// `weighted_dataloaders`. An epoch is as long as before.
    ///
    /// What is drawn comes from the epoch and the seed of [`shuffle`](Self::shuffle), or seed 0
    /// without one.
    ///
    /// ```
    /// use fastburn::vision::{ReadOptions, Splits};
    /// use fastburn::data::balanced_weights;
    ///
    /// let device = fastburn::device::cpu()?;
    /// let digits = Splits::digits()?.with_classes(&["1", "7"])?;
    /// let (train, valid) = digits.read(&ReadOptions::new(), &|_, _| {})?;
    /// let of_class = balanced_weights(train.labels(), train.classes().len())?;
    /// let of_items = train.labels().iter().map(|&label| of_class[label as usize]).collect();
    /// # use fastburn::data::{DataLoaders, class_indices};
    /// let mut dls = DataLoaders::from_images(train, valid, class_indices, &device);
    /// dls.train = dls.train.weights(of_items)?;
    /// assert_eq!(dls.train.order(0).len(), 1200);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are not as many weights as items, one is negative or no finite
    /// number, or all are 0.
    pub fn weights(mut self, weights: Vec<f64>) -> Result<Self> {
        if weights.len() != self.source.len() {
            let expected = format!("{}, one for each item", self.source.len());
            return Err(Error::setting("number of item weights", weights.len(), expected));
        }
        if let Some(weight) = weights.iter().find(|&&w| !(w.is_finite() && w >= 0.0)) {
            let expected = "a finite number, at least 0";
            return Err(Error::setting("item weight", short_number(*weight), expected));
        }
        let sum: f64 = weights.iter().sum();
        let drawn = WeightedIndex::new(weights).ok().filter(|_| sum.is_finite());
        let expected = "a finite number above 0";
        let drawn = drawn.ok_or_else(|| {
            Error::setting("sum of the item weights", short_number(sum), expected)
        })?;
        self.weights = Some(Arc::new(drawn));
        Ok(self)
    }

    /// Whether to leave out the last batch if it is not full.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// How many batches an epoch has.
    pub fn len(&self) -> usize {
        let items = self.source.len();
        if self.drop_last { items / self.batch_size } else { items.div_ceil(self.batch_size) }
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items make up a full batch.
    pub fn items_per_batch(&self) -> usize {
        self.batch_size
    }

    /// The seed of the order, or `None` for the source's own.
    pub fn shuffled_by(&self) -> Option<Seed> {
        self.shuffle
    }

    /// A number that other weights are unlikely to have (CRC-32), or `None` without weights.
    pub(crate) fn weighted_by(&self) -> Option<u32> {
        let mut crc = crc32fast::Hasher::new();
        self.weights.as_ref()?.weights().for_each(|weight| crc.update(&weight.to_le_bytes()));
        Some(crc.finalize())
    }

    /// How many items the source has.
    pub fn items(&self) -> usize {
        self.source.len()
    }

    /// The items' indices in the order in which that epoch goes through them.
    pub fn order(&self, epoch: usize) -> Vec<u32> {
        if let Some(weights) = &self.weights {
            let rng = self.shuffle.unwrap_or_default().rng(Stream::Draws, epoch as u64);
            let drawn = weights.as_ref().sample_iter(rng).take(self.source.len());
            return drawn.map(|index| index as u32).collect();
        }
        let mut order: Vec<u32> = (0..).take(self.source.len()).collect();
        if let Some(seed) = self.shuffle {
            order.shuffle(&mut seed.rng(Stream::Order, epoch as u64));
        }
        order
    }

    /// Has what layers draw on a device, such as dropout, come from `(seed, epoch, batch)`.
    ///
    /// Burn has one generator a backend for that, which would otherwise depend on all that was
    /// drawn since the process began. It is shared by all threads, so that two models that draw at
    /// the same time disturb each other.
    pub(crate) fn seed_layers(&self, epoch: usize, batch: usize, device: &Device) {
        let number = (epoch as u64) << 32 | batch as u64;
        let seed = self.shuffle.unwrap_or_default();
        device.seed(seed.rng(Stream::Layers, number).next_u64());
    }

    /// Batch `index` of an epoch with that [`order`](Self::order).
    ///
    /// # Errors
    ///
    /// As the source's [`gather`](Source::gather).
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    pub fn batch(&self, order: &[u32], index: usize, device: &Device) -> Result<Batch<I, T>> {
        let indices = self.indices(order, index);
        let (input, target) = self.source.gather(indices, device)?;
        let following = (index + 1..self.len()).take(UPCOMING);
        let following: Vec<_> = following.map(|index| self.indices(order, index)).collect();
        self.source.expect(&following);
        Ok(Batch { input, target, len: indices.len() })
    }

    fn indices<'a>(&self, order: &'a [u32], index: usize) -> &'a [u32] {
        let start = index * self.batch_size;
        &order[start..order.len().min(start + self.batch_size)]
    }
}

impl<I, T> Clone for DataLoader<I, T> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), weights: self.weights.clone(), ..*self }
    }
}

impl<I, T> std::fmt::Debug for DataLoader<I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataLoader")
            .field("items", &self.source.len())
            .field("batch_size", &self.batch_size)
            .field("shuffle", &self.shuffle)
            .field("weighted", &self.weights.is_some())
            .field("drop_last", &self.drop_last)
            .finish()
    }
}

/// A data set as the learner takes it: batches to train on, and batches to validate on.
///
/// ```
/// use fastburn::data::{DataLoaders, one_hot};
/// use fastburn::vision::{ReadOptions, Splits};
///
/// let device = fastburn::device::cpu()?;
/// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
/// let dls = DataLoaders::from_images(train, valid, one_hot, &device).batch_size(256)?;
/// assert_eq!((dls.train.len(), dls.valid.len()), (23, 4)); // 6000 / 256 down, 1000 / 256 up
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataLoaders<I, T> {
    /// Shuffled, without the last batch if it is not full, as in fastai.
    pub train: DataLoader<I, T>,
    /// In order, and whole.
    pub valid: DataLoader<I, T>,
    /// What the items are, if that is known; a model file holds it.
    pub items: Option<ItemFormat>,
}

/// What the items of a data set are: what a model file says of the data that a model was trained
/// on.
///
/// ```
/// use serde_json::json;
///
/// let device = fastburn::device::cpu()?;
/// let dls = fastburn::vision::Splits::digits()?.loaders(64, 42, &device)?;
/// let items = dls.items.unwrap();
/// assert_eq!((items.classes.len(), &items.input["width"]), (10, &json!(28)));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ItemFormat {
    /// The classes' names; a label is an index into them.
    pub classes: Vec<String>,
    /// The format of the inputs, as JSON: for images an [`ImageSpec`](crate::vision::ImageSpec).
    pub input: Value,
}

impl<I, T> DataLoaders<I, T> {
    /// A training source, shuffled, and a validation source; batches of 64.
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

    /// Two loaders as they are.
    pub fn from_loaders(train: DataLoader<I, T>, valid: DataLoader<I, T>) -> Self {
        Self { train, valid, items: None }
    }

    /// Another batch size for both.
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

    /// Trains in another order each epoch, drawn by the seed; `None` for the source's own order.
    pub fn shuffle(mut self, seed: impl Into<Option<Seed>>) -> Self {
        self.train = self.train.shuffle(seed);
        self
    }
}
