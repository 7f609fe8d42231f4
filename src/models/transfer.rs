//! Transfer learning: a trained model with a head for other outputs.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use burn::tensor::Device;

use super::any_model::AnyModel;
use super::architecture::Architecture;
use super::model::Model;
use super::model_file::ModelFile;
use super::registry::Registry;
use super::weights::{StateDict, torch_names};
use crate::checks;
use crate::error::{Error, Result};
use crate::printable::list_of;
use crate::seed::Seed;

/// The number of tensors that are listed by name.
const MOST_NAMED: usize = 8;
/// The remedy if a model has no body.
const BODY: &str = "start from a model with hidden layers, or tell its head from its body with \
                    Model::layer_groups";

/// A model made from a pretrained one.
#[derive(Debug, Clone)]
pub struct TransferredModel<M = AnyModel> {
    /// The model, to pass to a learner. It is set to validation, as a model that is loaded.
    pub model: M,
    /// The tensors from the model file, by their PyTorch names and with their shapes, such as
    /// `0.weight [30, 784]`.
    pub loaded: Vec<String>,
    /// The newly initialised tensors.
    pub made: Vec<String>,
}

impl<M> TransferredModel<M> {
    fn new(model: M, weights: &StateDict, head: &BTreeSet<String>) -> Self {
        let in_head = |name: &str| head.contains(name);
        let loaded = named(weights, |name| !in_head(name));
        Self { model, loaded, made: named(weights, in_head) }
    }
}

impl<M: Registry> ModelFile<M> {
    /// Returns the model of inputs `I` with `outputs` outputs, to be trained for other classes or
    /// values. [`PretrainedModel`](crate::vision::PretrainedModel) does so for images.
    ///
    /// The head of a model is its last [layer group](Model::layer_groups), the body everything
    /// before it. The body keeps its trained weights. The head keeps them if it already has as many
    /// outputs. Otherwise it gets the initial weights of a new model with the same random seed.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use fastburn::models::{Mlp, ModelFile};
    /// use fastburn::prelude::*;
    /// use fastburn::rows::Table;
    ///
    /// # let device = device::cpu()?;
    /// # let table = Table::parse("t.csv", b"a,b,y\n1,2,3\n3,1,5\n2,2,4\n")?;
    /// # let (train, valid) = table.split(0.3, 42)?;
    /// # let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", &device)?;
    /// # let model = MlpConfig::new([2, 8, 1]).init(&device, 42)?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("prices.safetensors");
    /// # Learner::new(dls, model, Mse).export(&file)?;
    /// // A model of one value, for three values.
    /// let trained = ModelFile::load_as::<Mlp>(&file, &device)?; // such as prices.safetensors
    /// let model = trained.model_for::<Tensor<2>>(3, 42)?.model;
    /// assert_eq!(model.layers[1].weight.dims(), [8, 3]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `outputs` is 0, or is not what the model's
    /// [`with_outputs`](super::Exportable::with_outputs) makes; [`Error::File`] if a new head is
    /// needed and the model has no body, since it is a single layer group; [`Error::Compute`] if
    /// the device fails.
    pub fn model_for<I>(&self, outputs: usize, seed: impl Into<Seed>) -> Result<TransferredModel<M>>
    where
        M: Model<I>,
    {
        let architecture = &self.card().architecture;
        if outputs != M::kind(architecture.kind())?.outputs(architecture)? {
            return self.model_with_new_head(outputs, seed);
        }
        let loaded = named(&StateDict::of(self.model())?, |_| true);
        Ok(TransferredModel { model: self.model().valid(), loaded, made: Vec::new() })
    }

    /// Returns the model of inputs `I` with a new head of `outputs` outputs, also if it had as many
    /// before: see [`model_for`](Self::model_for).
    ///
    /// # Errors
    ///
    /// Those of [`model_for`](Self::model_for).
    pub fn model_with_new_head<I>(
        &self,
        outputs: usize,
        seed: impl Into<Seed>,
    ) -> Result<TransferredModel<M>>
    where
        M: Model<I>,
    {
        checks::at_least_one("number of outputs", outputs)?;
        let (before, model) = (&self.card().architecture, self.model());
        let kind = M::kind(before.kind())?;
        let architecture = kind.with_outputs(before, outputs)?;
        let found = kind.outputs(&architecture)?;
        if found != outputs {
            let expected = format!("{outputs}, as `with_outputs` was asked for");
            return Err(Error::setting("number of outputs", found, expected));
        }
        let (trained, old_head) = (StateDict::of(model)?, head_of(model));
        if trained.names().all(|name| old_head.contains(name)) {
            let problem = format!(
                "a {} has only a head; a new head with {outputs} outputs would keep no trained layer",
                model.description()?
            );
            return Err(self.error(problem).with_remedy(BODY.into()));
        }
        let device = model.devices().into_iter().next().unwrap_or_default();
        let drawn = M::from_architecture(&architecture, &device, seed)?;
        let head = head_of(&drawn);
        let body = trained.filter(|name| !old_head.contains(name));
        let weights = body.merge(StateDict::of(&drawn)?.filter(|name| head.contains(name)));
        let mut model = drawn.valid();
        weights.load_into(&mut model)?;
        Ok(TransferredModel::new(model, &weights, &head))
    }
}

impl StateDict {
    /// Returns a new model of an architecture whose body has these weights, such as those of
    /// torchvision, and whose head is new: see [`ModelFile::model_for`].
    ///
    /// A tensor that is not in the body has to belong to another head: its name begins as those of
    /// the model's own do, such as `fc`. If the model is for grey images and the weights are for
    /// colour ones, the weights of the first convolution are summed over the colours.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use fastburn::layers::HeadConfig;
    /// use fastburn::models::{Architecture, AnyModel, ResNet, ResNetConfig, StateDict};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("narrow.safetensors");
    /// let device = fastburn::device::cpu()?;
    /// let colour = ResNetConfig::resnet18(3, 1000).with_widths([4, 4, 8, 8]);
    /// # StateDict::of(&colour.init(&device, 1)?)?.save(&file)?;
    /// let weights = StateDict::open(&file)?; // such as narrow.safetensors
    /// let grey = ResNetConfig { channels: 1, outputs: 10, ..colour }.with_head(HeadConfig::fastai());
    /// let architecture = Architecture::of::<ResNet>(&grey)?;
    /// let transferred = weights.transfer_to::<_, AnyModel>(&architecture, &device, 42)?;
    /// assert!(transferred.loaded.contains(&"conv1.weight [4, 1, 7, 7]".to_owned()));
    /// assert!(transferred.made.contains(&"fc.6.weight [10, 512]".to_owned()));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the weights do not fit the model's body. It names the tensors that are
    /// missing, unused or of another shape. [`Error::Setting`] if the architecture is invalid;
    /// [`Error::Compute`] if the device fails.
    pub fn transfer_to<I, M: Registry + Model<I>>(
        &self,
        architecture: &Architecture,
        device: &Device,
        seed: impl Into<Seed>,
    ) -> Result<TransferredModel<M>> {
        let drawn = M::from_architecture(architecture, device, seed)?;
        let (own, head) = (StateDict::of(&drawn)?, head_of(&drawn));
        if own.names().all(|name| head.contains(name)) {
            let model = drawn.description()?;
            let problem = format!("a {model} has only a head, for which no trained layer is used");
            return Err(self.error(problem).with_remedy(BODY.into()));
        }
        let first_part = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let head_parts: BTreeSet<_> = head.iter().map(|name| first_part(name)).collect();
        let mut body = self.clone().filter(|name| !head_parts.contains(&first_part(name)));
        for (name, shape) in own.names().filter_map(|name| Some((name, own.shape(name)?))) {
            if matches!(shape, [_, 1, _, _]) {
                body = body.sum_over_colours(name);
            }
        }
        let weights = body.merge(own.clone().filter(|name| head.contains(name)));
        let mut model = drawn.valid();
        weights.load_into(&mut model)?;
        // Not `weights`: these also have what the model lacks, such as PyTorch's counters of batches.
        Ok(TransferredModel::new(model, &own, &head))
    }
}

/// Returns the names of the tensors in the head of a model.
fn head_of<I, M: Registry + Model<I>>(model: &M) -> BTreeSet<String> {
    let head = model.layer_groups().pop();
    let names = torch_names(model).into_iter();
    let names = names.filter(|(path, _)| head.as_ref().is_some_and(|head| head.has(path)));
    names.map(|(_, name)| name).collect()
}

/// Returns the names and shapes of the tensors that `which` selects.
fn named(weights: &StateDict, which: impl Fn(&str) -> bool) -> Vec<String> {
    let names = weights.names().filter(|name| which(name));
    names.map(|name| format!("{name} {:?}", weights.shape(name).unwrap_or_default())).collect()
}

/// Writes the loaded and the new tensors, one line for each kind.
impl<M> Display for TransferredModel<M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "loaded  {}", list_of(MOST_NAMED, &self.loaded))?;
        match self.made.as_slice() {
            [] => Ok(()),
            made => write!(f, "\nmade    {}", list_of(MOST_NAMED, made)),
        }
    }
}
