//! A trained model to start from: transfer learning.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use burn::tensor::Device;

use super::spec::ImageSpec;
use crate::checks;
use crate::error::{Error, Result};
use crate::models::{AnyModel, ModelCard, ModelFile, StateDict};
use crate::printable::list_of;
use crate::seed::Seed;

/// How many tensors are named.
const MOST_NAMED: usize = 8;

/// A trained model from a model file, whose body goes on to learn other classes.
///
/// A model's head is its last layer, with an output a class; its body is all that comes before,
/// which turns an image into features. Those of one set of images are a good start for another.
///
/// ```
/// use fastburn::vision::PretrainedModel;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, cross_entropy);
/// learn.fit(1, 3e-3)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("digits.safetensors");
/// learn.export(&file)?; // such as digits.safetensors
///
/// // Features that tell ten digits apart, for three of them alone.
/// let few = Splits::digits()?.with_classes(&["3", "5", "8"])?.loaders(64, 42, &device)?;
/// let transferred = PretrainedModel::load(&file, &device)?.model_for(3, 42)?;
/// assert_eq!(
///     transferred.to_string(),
///     "loaded  0.bias [30], 0.weight [30, 784]\n\
///      made    2.bias [3], 2.weight [3, 30]"
/// );
///
/// // The new head learns alone at first; then `unfreeze()` has the body join in, as `fine_tune` does.
/// let mut learn =
///     Learner::new(few, transferred.model, cross_entropy).metric(accuracy());
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

/// A model that was made of another.
#[derive(Debug, Clone)]
pub struct TransferredModel {
    /// The model, ready to train.
    pub model: AnyModel,
    /// The tensors that it has from the model file, by PyTorch's names and with their shapes, such
    /// as `0.weight [30, 784]`.
    pub loaded: Vec<String>,
    /// The tensors that were drawn anew.
    pub made: Vec<String>,
}

impl PretrainedModel {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// As [`Predictor::load`](crate::vision::Predictor::load).
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let device = device.clone().inner();
        Self::of_file(ModelFile::read(path.as_ref(), &device)?, device)
    }

    /// From the content of a model file, such as `include_bytes!` embeds.
    ///
    /// # Errors
    ///
    /// As [`Predictor::load`](crate::vision::Predictor::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let (place, device) = ("the model's bytes".to_owned(), device.clone().inner());
        Self::of_file(ModelFile::from_bytes(place, bytes, &device)?, device)
    }

    fn of_file(file: ModelFile, device: Device) -> Result<Self> {
        Ok(Self { format: ImageSpec::of_model(&file)?, file, device, new_head: false })
    }

    /// What the model file says of the model.
    pub fn card(&self) -> &ModelCard {
        &self.file.card
    }

    /// The format of the images that the model was trained on.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Makes a new head even for as many classes as the model has, such as ten letters in place of
    /// ten digits.
    pub fn with_new_head(mut self) -> Self {
        self.new_head = true;
        self
    }

    /// Refuses images of another size, number of channels or scaling than the model was trained
    /// on.
    ///
    /// [`DataLoaders::image_classes`](crate::data::DataLoaders::image_classes) has the format of
    /// the new images.
    ///
    /// # Errors
    ///
    /// [`Error::File`] that names both.
    pub fn check_images(&self, images: &ImageSpec) -> Result<()> {
        let own = &self.format;
        if images.shape() == own.shape() && images.scaling == own.scaling {
            return Ok(());
        }
        Err(self.error(format!("a model for images of {own}; the images are of {images}")))
    }

    /// The model with `classes` outputs.
    ///
    /// Its body is as it was trained. So is its head if it has that many outputs already, unless
    /// [`with_new_head`](Self::with_new_head) was asked for; otherwise the seed draws a new one,
    /// that which a new model of that seed has.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `classes` is 0, [`Error::File`] if a new head is needed and the model
    /// has no body, as one of a single layer has none, [`Error::Compute`] if the device fails.
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
                "a {before} is a head alone; nothing of it can be kept for another head with \
                 {classes} outputs"
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

/// The names and shapes of some of the tensors.
fn named(weights: &StateDict, which: impl Fn(&str) -> bool) -> Vec<String> {
    let names = weights.names().filter(|name| which(name));
    names.map(|name| format!("{name} {:?}", weights.shape(name).unwrap_or_default())).collect()
}

/// What was loaded and what was made, a line each.
impl Display for TransferredModel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "loaded  {}", list_of(MOST_NAMED, &self.loaded))?;
        match self.made.as_slice() {
            [] => Ok(()),
            made => write!(f, "\nmade    {}", list_of(MOST_NAMED, made)),
        }
    }
}
