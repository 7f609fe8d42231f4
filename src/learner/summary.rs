//! The summary of a learner: its layers, their parameters, and what trains them.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::builder::Learner;
use super::names::short_name;
use super::task::Task;
use crate::error::Result;
use crate::layers::listen;
use crate::models::{Model, ModulePath};
use crate::records::{LayerSummary, Summary};

/// A layer and the shape of its output.
type Output = (String, Vec<usize>);

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
        let outputs = self.outputs_of_a_batch()?;
        let layers = layers(self.state.model(), outputs);
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

    /// Returns the layer outputs that the model reports for one training batch, in that order.
    fn outputs_of_a_batch(&self) -> Result<Vec<Output>> {
        // A data set that does not fill one batch has shapes as well.
        let loader = self.state.dls.train.clone().shuffle(None).drop_last(false);
        if loader.is_empty() {
            return Ok(Vec::new());
        }
        let batch = loader.batch(&loader.order(0), 0, &self.state.device)?;
        let outputs = Rc::new(RefCell::new(Vec::new()));
        let sink = outputs.clone();
        let listening = listen(move |observation| {
            sink.borrow_mut().push((observation.layer.to_owned(), observation.shape.to_vec()));
        });
        self.state.model().valid().forward(batch.input);
        drop(listening);
        Ok(outputs.take())
    }
}

/// Returns a row for each module with its own parameters and for each that reports its output.
fn layers<I, M: Model<I>>(model: &M, outputs: Vec<Output>) -> Vec<LayerSummary> {
    // Tensors that are not parameters, such as running means, have no gradients even if unfrozen.
    let unfrozen = TensorCollector::through(&model.valid().unfreeze().train());
    let current = TensorCollector::through(&model.valid().train());
    let mut layers: Vec<LayerSummary> = Vec::new();
    for (unfrozen, current) in unfrozen.tensors.into_iter().zip(&current.tensors) {
        if !unfrozen.trainable {
            continue;
        }
        let index =
            layers.iter().position(|row| row.layer == unfrozen.layer).unwrap_or_else(|| {
                let TensorInfo { layer, kind, .. } = unfrozen;
                layers.push(LayerSummary { layer, kind, ..LayerSummary::default() });
                layers.len() - 1
            });
        layers[index].parameters += unfrozen.length;
        layers[index].trainable += if current.trainable { unfrozen.length } else { 0 };
    }
    let mut next = 0;
    for (layer, shape) in outputs {
        let index = layers.iter().position(|row| row.layer == layer).unwrap_or_else(|| {
            let kind = unfrozen.kinds.get(&layer).cloned().unwrap_or_default();
            layers.insert(next, LayerSummary { layer, kind, ..LayerSummary::default() });
            next
        });
        layers[index].output = Some(shape);
        next = index + 1;
    }
    layers
}

/// Collects a module's tensors.
#[derive(Default)]
struct TensorCollector {
    path: ModulePath,
    tensors: Vec<TensorInfo>,
    /// The modules' types, by path.
    kinds: BTreeMap<String, String>,
}

/// One tensor of a module.
struct TensorInfo {
    layer: String,
    kind: String,
    length: usize,
    trainable: bool,
}

impl TensorCollector {
    fn through<I, M: Model<I>>(model: &M) -> Self {
        let mut collector = Self::default();
        model.visit(&mut collector);
        collector
    }
}

impl ModuleVisitor for TensorCollector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
        self.kinds.insert(self.path.module(), self.path.kind());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.tensors.push(TensorInfo {
            layer: self.path.module(),
            kind: self.path.kind(),
            length: tensor.shape().num_elements(),
            trainable: tensor.is_require_grad(),
        });
    }
}
