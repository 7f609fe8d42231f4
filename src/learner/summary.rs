//! The summary of a learner: its layers, their parameters, and what trains them.

use std::any::type_name;

use super::builder::Learner;
use super::names::short_name;
use super::task::Task;
use crate::error::Result;
use crate::models::layers_of;
use crate::records::{LayerSummary, Summary};

impl<T: Task> Learner<T> {
    /// Returns the model's layers with their output shapes and parameters, and what trains them:
    /// fastai's `learn.summary()`.
    ///
    /// The shapes are those of one training batch, which passes through the model without
    /// gradients. The learner does not change.
    ///
    /// ```
    /// use burn::module::{Module, ParamGroup};
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let model = model.freeze_group(ParamGroup::from_predicate("layers.0"));
    /// let summary = Learner::new(dls, model, CrossEntropy::new()).summary()?;
    ///
    /// assert_eq!(summary.layers[0].output, Some(vec![64, 30]));
    /// assert_eq!((summary.layers[0].parameters, summary.layers[0].trainable), (23550, 0));
    /// assert_eq!(summary.trainable, 310);
    /// println!("{summary}");
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any error of the data.
    ///
    /// # Panics
    ///
    /// If the model's forward pass panics, because the data does not fit it.
    pub fn summary(&self) -> Result<Summary> {
        let layers = self.layers()?;
        let parameters = layers.iter().map(|layer| layer.parameters).sum();
        let trainable = layers.iter().map(|layer| layer.trainable).sum();
        Ok(Summary {
            model: short_name(type_name::<T::Model>()),
            layers,
            parameters,
            trainable,
            frozen: parameters - trainable,
            optimizer: self.state.optimizer_name().to_owned(),
            loss: self.loss_name().to_owned(),
            batch_size: self.state.dls.train.items_per_batch(),
            callbacks: self.callbacks.iter().map(|one| short_name(one.callback.name())).collect(),
        })
    }

    /// Returns the model's layers, by one training batch.
    fn layers(&self) -> Result<Vec<LayerSummary>> {
        // A data set that does not fill one batch has shapes as well.
        let loader = self.state.dls.train.clone().shuffle(None).drop_last(false);
        if loader.is_empty() {
            return Ok(layers_of(self.state.model(), None));
        }
        let batch = loader.batch(&loader.order(0), 0, &self.state.device)?;
        Ok(layers_of(self.state.model(), Some(batch.input)))
    }
}
