//! Transfer learning: a trained model as the start of another.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use burn::tensor::Device;

use super::predictor::ImageModel;
use super::spec::ImageSpec;
use crate::checks;
use crate::error::Result;
use crate::models::{AnyModel, ModelCard, ModelFile, StateDict, torch_names};
use crate::printable::list_of;
use crate::seed::Seed;

/// The number of tensors that are listed by name.
const MOST_NAMED: usize = 8;

/// A trained model from a model file, whose body is reused to learn other classes.
///
/// The head of a model is its last [layer group](crate::models::Model::layer_groups): of fastburn's
/// models the last layer, with one output per class. The body is everything before it, which turns an
/// image into features. Features learnt on one data set often suit another.
///
/// ```
/// use fastburn::vision::PretrainedModel;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new());
/// learn.fit(1, 3e-3)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("digits.safetensors");
/// learn.export(&file)?; // such as digits.safetensors
///
/// // Reuse the features of a model for ten digits to classify three of them.
/// let few = Splits::digits()?.with_classes(&["3", "5", "8"])?.loaders(64, 42, &device)?;
/// let transferred = PretrainedModel::load(&file, &device)?.model_for(3, 42)?;
/// assert_eq!(
///     transferred.to_string(),
///     "loaded  0.bias [30], 0.weight [30, 784]\n\
///      made    2.bias [3], 2.weight [3, 30]"
/// );
///
/// // Train only the new head first. `unfreeze()` then adds the body, as `fine_tune` does.
/// let mut learn =
///     Learner::new(few, transferred.model, CrossEntropy::new()).metric(accuracy());
/// learn.freeze()?;
/// learn.fit(3, 3e-3)?;
/// assert!(learn.validate()?.metrics[0] > 0.8);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PretrainedModel<M = AnyModel> {
    file: ModelFile<M>,
    format: ImageSpec,
    device: Device,
    new_head: bool,
}

/// A model made from a pretrained one.
#[derive(Debug, Clone)]
pub struct TransferredModel<M = AnyModel> {
    /// The model, ready to train.
    pub model: M,
    /// The tensors from the model file, by their PyTorch names and with their shapes, such as
    /// `0.weight [30, 784]`.
    pub loaded: Vec<String>,
    /// The newly initialised tensors.
    pub made: Vec<String>,
}

impl PretrainedModel {
    /// Reads a model file of one of fastburn's own models.
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::load_as(path, device)
    }

    /// Reads a model from the contents of a model file, for example from `include_bytes!`.
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::from_bytes_as(bytes, device)
    }

    /// Reads a model file of a model of one's own, or of one of the kinds in a
    /// [`registry!`](crate::registry).
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn load_as<M: ImageModel>(
        path: impl AsRef<Path>,
        device: &Device,
    ) -> Result<PretrainedModel<M>> {
        PretrainedModel::of_file(ModelFile::load_as(path, device)?, device)
    }

    /// Reads a model from the contents of a model file: see [`load_as`](Self::load_as).
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn from_bytes_as<M: ImageModel>(
        bytes: &[u8],
        device: &Device,
    ) -> Result<PretrainedModel<M>> {
        PretrainedModel::of_file(ModelFile::from_bytes_as(bytes, device)?, device)
    }
}

impl<M: ImageModel> PretrainedModel<M> {
    fn of_file(file: ModelFile<M>, device: &Device) -> Result<Self> {
        let (format, device) = (ImageSpec::of_model(&file)?, device.clone().inner());
        Ok(Self { format, file, device, new_head: false })
    }

    /// Returns the description of the model from the model file.
    pub fn card(&self) -> &ModelCard {
        &self.file.card
    }

    /// Returns the format of the images that the model was trained on.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Makes a new head even if the number of classes stays the same, for example for ten letters
    /// after ten digits.
    pub fn with_new_head(mut self) -> Self {
        self.new_head = true;
        self
    }

    /// Checks that images have the size, channels and scaling that the model was trained on.
    ///
    /// [`Images::format`](super::Images::format) returns the format of the new images.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if they differ. It names both formats.
    pub fn check_images(&self, images: &ImageSpec) -> Result<()> {
        let own = &self.format;
        if images.shape() == own.shape() && images.scaling == own.scaling {
            return Ok(());
        }
        Err(self.file.error(format!("a model for images of {own}; found images of {images}")))
    }

    /// Returns the model with `outputs` outputs: one per class, or one per value.
    ///
    /// The body keeps its trained weights. The head keeps them if it already has as many outputs,
    /// unless [`with_new_head`](Self::with_new_head) was called. A new head gets the initial
    /// weights of a new model with the same random seed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if `outputs` is 0;
    /// [`Error::File`](crate::Error::File) if a new head is needed and the model
    /// has no body because it is a single layer group; [`Error::Compute`](crate::Error::Compute) if the device fails.
    pub fn model_for(&self, outputs: usize, seed: impl Into<Seed>) -> Result<TransferredModel<M>> {
        checks::at_least_one("number of outputs", outputs)?;
        let (before, model) = (&self.file.card.architecture, &self.file.model);
        let kind = M::kind(before.kind())?;
        let trained = StateDict::of(model)?;
        if outputs == kind.outputs(before)? && !self.new_head {
            let loaded = named(&trained, |_| true);
            return Ok(TransferredModel { model: model.clone(), loaded, made: Vec::new() });
        }
        let head = head_of(model);
        let in_head = |name: &str| head.contains(name);
        if trained.names().all(in_head) {
            let problem = format!(
                "a {} has only a head; a new head with {outputs} outputs would keep no trained layer",
                model.describe()?
            );
            return Err(self.file.error(problem));
        }
        let drawn = M::from_architecture(&kind.with_outputs(before, outputs)?, &self.device, seed)?;
        let weights = trained.with_others(&StateDict::of(&drawn)?, in_head);
        let mut model = drawn;
        weights.load_into(&mut model)?;
        Ok(TransferredModel {
            model,
            loaded: named(&weights, |name| !in_head(name)),
            made: named(&weights, in_head),
        })
    }
}

/// Returns the names of the tensors in the head of a model: its last layer group.
fn head_of<M: ImageModel>(model: &M) -> BTreeSet<String> {
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
