//! Burn's datasets and batchers as the data of a learner.

use std::marker::PhantomData;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::tensor::Device;

use crate::data::{BatchItems, DataLoaders, Source};
use crate::error::{Error, Result};

/// A [`Source`] of one of Burn's datasets and a batcher; see
/// [`DataLoaders::from_datasets`](crate::data::DataLoaders::from_datasets).
struct DatasetSource<D, B, F, X> {
    dataset: D,
    batcher: B,
    split: F,
    /// The types of the items, of their errors and of the batches.
    types: PhantomData<fn() -> X>,
}

impl<D, B, F, X> DatasetSource<D, B, F, X> {
    fn new(dataset: D, batcher: B, split: F) -> Self {
        Self { dataset, batcher, split, types: PhantomData }
    }
}

impl<D, B, F, X, E, O, I, T> Source<I, T> for DatasetSource<D, B, F, (X, E, O)>
where
    D: Dataset<X, E>,
    B: Batcher<X, O>,
    F: Fn(O) -> (I, T) + Send + Sync,
    E: std::error::Error + Send + Sync + 'static,
{
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn gather(&self, items: BatchItems<'_>, device: &Device) -> Result<(I, T)> {
        let item = |&index: &u32| {
            let place = || format!("item {index} of the dataset");
            self.dataset
                .get(index as usize)
                .map_err(|error| Error::file(place(), error.to_string()))
        };
        let items = items.indices.iter().map(item).collect::<Result<Vec<_>>>()?;
        Ok((self.split)(self.batcher.batch(items, device)))
    }
}

impl<I: 'static, T: 'static> DataLoaders<I, T> {
    /// Creates loaders of two of Burn's datasets and a batcher. `split` divides a batch into a
    /// model's input and the targets.
    ///
    /// The training items are shuffled with seed 0; [`shuffle`](Self::shuffle) sets another.
    /// Batches have 64 items; [`batch_size`](Self::batch_size) changes that.
    ///
    /// ```
    /// use burn::data::dataloader::batcher::Batcher;
    /// use burn::data::dataset::InMemDataset;
    /// use burn::tensor::{Device, Tensor};
    /// use fastburn::prelude::*;
    ///
    /// /// Makes batches of numbers and their doubles.
    /// #[derive(Clone)]
    /// struct Doubles;
    ///
    /// struct Numbers {
    ///     x: Tensor<2>,
    ///     y: Tensor<2>,
    /// }
    ///
    /// impl Batcher<f32, Numbers> for Doubles {
    ///     fn batch(&self, items: Vec<f32>, device: &Device) -> Numbers {
    ///         let x = Tensor::<1>::from_data(&items[..], device).reshape([-1, 1]);
    ///         Numbers { y: x.clone() * 2.0, x }
    ///     }
    /// }
    ///
    /// let device = device::cpu()?;
    /// let train = InMemDataset::new(vec![0.5, 1.0, 1.5, 2.0]);
    /// let valid = InMemDataset::new(vec![3.0]);
    /// let dls = DataLoaders::from_datasets(train, valid, Doubles, |n| (n.x, n.y)).batch_size(2)?;
    ///
    /// let model = LinearConfig::new(1, 1).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, Mse).optimizer(OptimizerKind::Sgd);
    /// learn.fit(200, 0.1)?;
    /// assert!(learn.validate()?.loss < 1e-3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_datasets<B, X, E, O>(
        train: impl Dataset<X, E> + 'static,
        valid: impl Dataset<X, E> + 'static,
        batcher: B,
        split: impl Fn(O) -> (I, T) + Clone + Send + Sync + 'static,
    ) -> Self
    where
        B: Batcher<X, O> + Clone + 'static,
        E: std::error::Error + Send + Sync + 'static,
        X: 'static,
        O: 'static,
    {
        let train = DatasetSource::new(train, batcher.clone(), split.clone());
        Self::new(train, DatasetSource::new(valid, batcher, split), 0)
    }
}
