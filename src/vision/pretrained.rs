//! Transfer learning: a trained model as the start of another.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use burn::tensor::Device;

use super::spec::ImageSpec;
use crate::checks;
use crate::error::{Error, Result};
use crate::models::{AnyModel, ModelCard, ModelFile, StateDict};
use crate::printable::list_of;
use crate::seed::Seed;

/// The number of tensors that are listed by name.
const MOST_NAMED: usize = 8;

/// A trained model from a model file, whose body is reused to learn other classes.
///
/// The head of a model is its last layer, with one output per class. The body is everything before
/// it, which turns an image into features. Features learnt on one data set often suit another.
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
pub struct PretrainedModel {
    file: ModelFile,
    format: ImageSpec,
    device: Device,
    new_head: bool,
}

/// A model made from a pretrained one.
#[derive(Debug, Clone)]
pub struct TransferredModel {
    /// The model, ready to train.
    pub model: AnyModel,
    /// The tensors from the model file, by their PyTorch names and with their shapes, such as
    /// `0.weight [30, 784]`.
    pub loaded: Vec<String>,
    /// The newly initialised tensors.
    pub made: Vec<String>,
}

impl PretrainedModel {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let device = device.clone().inner();
        Self::of_file(ModelFile::read(path.as_ref(), &device)?, device)
    }

    /// Reads a model from the contents of a model file, for example from `include_bytes!`.
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let (place, device) = ("the model's bytes".to_owned(), device.clone().inner());
        Self::of_file(ModelFile::from_bytes(place, bytes, &device)?, device)
    }

    fn of_file(file: ModelFile, device: Device) -> Result<Self> {
        Ok(Self { format: ImageSpec::of_model(&file)?, file, device, new_head: false })
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
    /// [`Error::File`] if they differ. It names both formats.
    pub fn check_images(&self, images: &ImageSpec) -> Result<()> {
        let own = &self.format;
        if images.shape() == own.shape() && images.scaling == own.scaling {
            return Ok(());
        }
        Err(self.error(format!("a model for images of {own}; found images of {images}")))
    }

    /// Returns the model with `classes` outputs.
    ///
    /// The body keeps its trained weights. The head keeps them if it already has `classes` outputs,
    /// unless [`with_new_head`](Self::with_new_head) was called. A new head gets the initial
    /// weights of a new model with the same random seed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `classes` is 0; [`Error::File`] if a new head is needed and the model
    /// has no body because it is a single layer; [`Error::Compute`] if the device fails.
    pub fn model_for(&self, classes: usize, seed: impl Into<Seed>) -> Result<TransferredModel> {
        checks::at_least_one("number of classes", classes)?;
        let before = &self.file.card.architecture;
        let trained = StateDict::of(&self.file.model)?;
        if classes == before.outputs() && !self.new_head {
            let (model, loaded) = (self.file.model.clone(), named(&trained, |_| true));
            return Ok(TransferredModel { model, loaded, made: Vec::new() });
        }
        let in_head = |name: &str| before.is_in_head(name);
        if trained.names().all(in_head) {
            let problem = format!(
                "a {before} has only a head; a new head with {classes} outputs would keep no \
                 trained layer"
            );
            return Err(self.error(problem));
        }
        let architecture = before.with_outputs(classes);
        let drawn = StateDict::of(&architecture.init(&self.device, seed)?)?;
        let weights = trained.with_others(&drawn, in_head);
        Ok(TransferredModel {
            model: architecture.with_weights(&weights, &self.device)?,
            loaded: named(&weights, |name| !in_head(name)),
            made: named(&weights, in_head),
        })
    }

    fn error(&self, problem: String) -> Error {
        Error::file(&self.file.place, problem)
    }
}

/// Returns the names and shapes of the tensors that `which` selects.
fn named(weights: &StateDict, which: impl Fn(&str) -> bool) -> Vec<String> {
    let names = weights.names().filter(|name| which(name));
    names.map(|name| format!("{name} {:?}", weights.shape(name).unwrap_or_default())).collect()
}

/// Writes the loaded and the new tensors, one line for each kind.
impl Display for TransferredModel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "loaded  {}", list_of(MOST_NAMED, &self.loaded))?;
        match self.made.as_slice() {
            [] => Ok(()),
            made => write!(f, "\nmade    {}", list_of(MOST_NAMED, made)),
        }
    }
}
