//! What a learner trains, layer by layer.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::build::Learner;
use crate::error::Result;
use crate::models::Model;
use crate::models::{ModulePath, listen};
use crate::records::{LayerSummary, Summary};

/// A layer and the shape of what came out of it.
type Output = (String, Vec<usize>);

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// The model's layers with their outputs' shapes and parameters, and what trains them: fastai's
    /// `learn.summary()`.
    ///
    /// The shapes are those of one training batch, which goes through the model without gradients;
    /// the learner stays as it is.
    ///
    /// ```
    /// use burn::module::{Module, ParamGroup};
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let model = model.freeze_group(ParamGroup::from_predicate("layers.0"));
    /// let summary = Learner::new(dls, model, cross_entropy).summary()?;
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
    /// Whatever the data fails with.
    ///
    /// # Panics
    ///
    /// As the model's own forward pass, where the data does not fit it.
    pub fn summary(&self) -> Result<Summary> {
        let outputs = self.outputs_of_a_batch()?;
        let layers = layers(self.state.model(), outputs);
        let parameters = layers.iter().map(|layer| layer.parameters).sum();
        let trainable = layers.iter().map(|layer| layer.trainable).sum();
        Ok(Summary {
            model: short(type_name::<M>()),
            layers,
            parameters,
            trainable,
            frozen: parameters - trainable,
            optimizer: self.state.optimizer_name().to_owned(),
            loss: self.loss_name().to_owned(),
            batch_size: self.state.dls.train.items_per_batch(),
            callbacks: self.callbacks.iter().map(|callback| short(callback.name())).collect(),
        })
    }

    /// What the model tells of while a training batch goes through it, in that order.
    fn outputs_of_a_batch(&self) -> Result<Vec<Output>> {
        // A set that does not fill one batch has shapes as well.
        let loader = self.state.dls.train.clone().shuffle(None).drop_last(false);
        if loader.is_empty() {
            return Ok(Vec::new());
        }
        let batch = loader.batch(&loader.order(0), 0, &self.state.device)?;
        let outputs = Rc::new(RefCell::new(Vec::new()));
        let heard = outputs.clone();
        let listening = listen(move |seen| {
            heard.borrow_mut().push((seen.layer.to_owned(), seen.shape.to_vec()));
        });
        self.state.model().valid().forward(batch.input);
        drop(listening);
        Ok(outputs.take())
    }
}

/// A row for each module with parameters of its own, and for each that tells of its output.
fn layers<I, M: Model<I>>(model: &M, outputs: Vec<Output>) -> Vec<LayerSummary> {
    // What a model keeps without learning it, such as running means, stays without gradients.
    let able = TensorCollector::through(&model.valid().unfreeze().train());
    let now = TensorCollector::through(&model.valid().train());
    let mut layers: Vec<LayerSummary> = Vec::new();
    for (able, now) in able.tensors.into_iter().zip(&now.tensors) {
        if !able.learns {
            continue;
        }
        let index = layers.iter().position(|row| row.layer == able.layer).unwrap_or_else(|| {
            let Found { layer, kind, .. } = able;
            layers.push(LayerSummary { layer, kind, ..LayerSummary::default() });
            layers.len() - 1
        });
        layers[index].parameters += able.length;
        layers[index].trainable += if now.learns { able.length } else { 0 };
    }
    let mut next = 0;
    for (layer, shape) in outputs {
        let index = layers.iter().position(|row| row.layer == layer).unwrap_or_else(|| {
            let kind = able.kinds.get(&layer).cloned().unwrap_or_default();
            layers.insert(next, LayerSummary { layer, kind, ..LayerSummary::default() });
            next
        });
        layers[index].output = Some(shape);
        next = index + 1;
    }
    layers
}

/// Walks through a module's tensors.
#[derive(Default)]
struct TensorCollector {
    path: ModulePath,
    tensors: Vec<Found>,
    /// The types of the modules, by their paths.
    kinds: BTreeMap<String, String>,
}

/// One tensor of a module.
struct Found {
    layer: String,
    kind: String,
    length: usize,
    learns: bool,
}

impl TensorCollector {
    fn through<I, M: Model<I>>(model: &M) -> Self {
        let mut walk = Self::default();
        model.visit(&mut walk);
        walk
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
        self.tensors.push(Found {
            layer: self.path.module(),
            kind: self.path.kind(),
            length: tensor.shape().num_elements(),
            learns: tensor.is_require_grad(),
        });
    }
}

/// A type's name without the modules it is in.
fn short(type_name: &str) -> String {
    let paths = type_name.split_inclusive(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
    paths.filter_map(|path| path.rsplit("::").next()).collect()
}
