//! Data loaders: batches of a source.

use std::sync::Arc;

use burn::tensor::Device;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedIndex;
use serde_json::Value;

use super::items::{BatchItems, Order};
use super::source::{Batch, Source, UPCOMING};
use crate::checks;
use crate::error::{Error, Result};
use crate::printable::short_number;
use crate::seed::{Seed, Stream};

/// fastai's default batch size.
const BATCH_SIZE: usize = 64;

/// Batches of a [`Source`]: shuffled by `(seed, epoch)`, sampled by weight, or in source order.
pub struct DataLoader<I, T> {
    source: Arc<dyn Source<I, T>>,
    batch_size: usize,
    shuffle: Option<Seed>,
    weights: Option<Arc<WeightedIndex<f64>>>,
    drop_last: bool,
    training: bool,
}

impl<I, T> DataLoader<I, T> {
    /// Creates a loader with batches of 64 in the source's order, incomplete last batch included.
    pub fn new(source: impl Source<I, T> + 'static) -> Self {
        Self {
            source: Arc::new(source),
            batch_size: BATCH_SIZE,
            shuffle: None,
            weights: None,
            drop_last: false,
            training: false,
        }
    }

    /// Sets the batch size (default: 64).
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

    /// Shuffles each epoch anew with this random seed; `None` keeps the source's order (default).
    pub fn shuffle(mut self, seed: impl Into<Option<Seed>>) -> Self {
        self.shuffle = seed.into();
        self
    }

    /// Samples the items of an epoch with replacement, in proportion to their weights, instead of
    /// visiting each once: PyTorch's `WeightedRandomSampler`, fastai's `weighted_dataloaders`. The
    /// length of an epoch stays the same. An item that comes twice in an epoch looks the same both
    /// times, even if it is augmented.
    ///
    /// The sample depends on the epoch and on the seed of [`shuffle`](Self::shuffle), or on seed 0
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
    /// [`Error::Setting`] if the number of weights differs from the number of items, if a weight is
    /// negative, NaN or infinite, or if their sum is 0 or infinite.
    pub fn weights(mut self, weights: Vec<f64>) -> Result<Self> {
        if weights.len() != self.source.len() {
            let expected = format!("{}, one per item", self.source.len());
            return Err(Error::setting("number of item weights", weights.len(), expected));
        }
        weights.iter().try_for_each(|&weight| checks::at_least_zero("item weight", weight))?;
        let sum: f64 = weights.iter().sum();
        let sampler = WeightedIndex::new(weights).ok().filter(|_| sum.is_finite());
        let expected = "a finite number above 0";
        let sampler = sampler.ok_or_else(|| {
            Error::setting("sum of the item weights", short_number(sum), expected)
        })?;
        self.weights = Some(Arc::new(sampler));
        Ok(self)
    }

    /// Sets whether to drop the last batch of an epoch if it is incomplete (default: `false`).
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Sets whether the batches are for training, as [`BatchItems`] says to the source (default:
    /// `false`). A learner sets it for each pass.
    pub fn training(mut self, training: bool) -> Self {
        self.training = training;
        self
    }

    /// Returns the number of batches in an epoch.
    pub fn len(&self) -> usize {
        let items = self.source.len();
        if self.drop_last { items / self.batch_size } else { items.div_ceil(self.batch_size) }
    }

    /// Returns whether an epoch has no batches.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the batch size.
    pub fn items_per_batch(&self) -> usize {
        self.batch_size
    }

    /// Returns the random seed of the order, or `None` for the source's order.
    pub fn shuffle_seed(&self) -> Option<Seed> {
        self.shuffle
    }

    /// Returns a fingerprint of the weights (CRC-32), or `None` without weights.
    pub(crate) fn weights_fingerprint(&self) -> Option<u32> {
        let mut crc = crc32fast::Hasher::new();
        self.weights.as_ref()?.weights().for_each(|weight| crc.update(&weight.to_le_bytes()));
        Some(crc.finalize())
    }

    /// Returns what the inputs depend on besides the items: see [`Source::config`].
    pub(crate) fn source_config(&self) -> Value {
        self.source.config()
    }

    /// Returns the number of items in the source.
    pub fn items(&self) -> usize {
        self.source.len()
    }

    /// Returns the item indices in the order of the given epoch.
    pub fn order(&self, epoch: usize) -> Order {
        Order::new(self.indices_of(epoch), epoch)
    }

    fn indices_of(&self, epoch: usize) -> Vec<u32> {
        if let Some(weights) = &self.weights {
            let rng = self.shuffle.unwrap_or_default().rng(Stream::Draws, epoch as u64);
            let sample = weights.as_ref().sample_iter(rng).take(self.source.len());
            return sample.map(|index| index as u32).collect();
        }
        let mut order: Vec<u32> = (0..).take(self.source.len()).collect();
        if let Some(seed) = self.shuffle {
            order.shuffle(&mut seed.rng(Stream::Order, epoch as u64));
        }
        order
    }

    /// Seeds the device's generator for layers such as dropout, by `(seed, epoch, batch)`.
    ///
    /// Burn has one generator per backend. Without this, its numbers would depend on everything
    /// drawn since the process started. All threads share it: two models that draw at the same time
    /// interfere with each other.
    pub(crate) fn seed_layers(&self, epoch: usize, batch: usize, device: &Device) {
        let number = (epoch as u64) << 32 | batch as u64;
        let seed = self.shuffle.unwrap_or_default();
        device.seed(seed.rng(Stream::Layers, number).next_u64());
    }

    /// Returns batch `index` of an epoch with the given [`order`](Self::order).
    ///
    /// # Errors
    ///
    /// Those of the source's [`gather`](Source::gather).
    ///
    /// # Panics
    ///
    /// If `index` is [`len`](Self::len) or more.
    pub fn batch(&self, order: &Order, index: usize, device: &Device) -> Result<Batch<I, T>> {
        let items = self.batch_items(order, index);
        let (input, target) = self.source.gather(items, device)?;
        // An order of one's own may be shorter than an epoch.
        let batches = self.len().min(order.len().div_ceil(self.batch_size));
        let following = (index + 1..batches).take(UPCOMING);
        let following: Vec<_> = following.map(|index| self.batch_items(order, index)).collect();
        self.source.expect(&following);
        Ok(Batch { input, target, len: items.indices.len() })
    }

    fn batch_items<'a>(&self, order: &'a Order, index: usize) -> BatchItems<'a> {
        let start = index * self.batch_size;
        BatchItems {
            indices: &order[start..order.len().min(start + self.batch_size)],
            batch: index,
            epoch: order.epoch,
            seed: self.shuffle.unwrap_or_default(),
            training: self.training,
        }
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
