//! Model files: a trained model's weights with PyTorch's names, and everything needed to predict.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use serde_json::Value;

use super::any_model::AnyModel;
use super::model::Model;
use super::model_card::ModelCard;
use super::registry::Registry;
use super::weights::StateDict;
use crate::computing::{PREDICTIONS, release_memory};
use crate::error::{Error, Result};
use crate::files::checksummed::{self, FileKind};
use crate::loss::Outputs;
use crate::records::Prediction;
use crate::seed::Seed;

/// The kind and the format version of the files that this version writes.
const MODEL_FILE: FileKind = FileKind { name: "model file", format_version: 1 };

impl ModelCard {
    /// Returns the bytes of the model file of a model.
    pub(crate) fn seal<M: Registry>(&self, model: &M) -> Result<Vec<u8>> {
        let failed = |problem: String| Error::file("the model", problem);
        let kind = M::kind(self.architecture.kind())?;
        self.check(kind.outputs(&self.architecture)?).map_err(failed)?;
        let weights = StateDict::of(model)?;
        weights.check_finite()?;
        // What cannot be read again must not be found out after the training.
        let device = model.devices().into_iter().next().unwrap_or_default().inner();
        let copy = kind.make(&self.architecture, &device, Seed::new(0))?;
        weights.check_fits(&copy).map_err(|error| {
            failed(format!("its `config()` is that of another model: {}", error.problem()))
        })?;
        if let Some(shape) = self.input.shape() {
            let inputs = format!("inputs of shape {shape:?}");
            kind.check_input(&self.architecture, &shape, inputs).map_err(failed)?;
        }
        let Ok(Value::Object(about)) = serde_json::to_value(self) else {
            return Err(failed("its description has no JSON form".to_owned()));
        };
        let stored = weights.stored();
        let tensors = stored.iter().map(|(name, (dtype, shape, bytes))| {
            (name.clone(), (*dtype, shape.clone(), bytes.as_slice()))
        });
        checksummed::seal(MODEL_FILE, about, &tensors.collect())
    }
}

/// The content of a model file.
///
/// [`Predictor`](crate::vision::Predictor) and [`RowPredictor`](crate::rows::RowPredictor) also
/// know the inputs. This is for a model of inputs of another kind, or to look at the weights.
///
/// ```
/// use fastburn::models::ModelFile;
/// use fastburn::prelude::*;
///
/// # let device = device::cpu()?;
/// # let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// # let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("digits.safetensors");
/// # Learner::new(dls, model, CrossEntropy::new()).export(&file)?;
/// let file = ModelFile::load(&file, &device)?; // such as digits.safetensors
/// assert_eq!((file.model().num_params(), file.card().classes.len()), (7850, 10));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ModelFile<M = AnyModel> {
    card: ModelCard,
    model: M,
    classes: Arc<[String]>,
    /// The number of outputs, by the configuration.
    width: usize,
    /// The file, as named in messages.
    place: String,
}

impl ModelFile {
    /// Reads a model file of one of fastburn's own models.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read; [`Error::File`] if it is damaged, or holds no model of
    /// a known kind; [`Error::Newer`] if a newer fastburn wrote it in an unknown format.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::load_as(path, device)
    }

    /// Reads a model file of one of fastburn's own models from its bytes.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::from_bytes_as(bytes, device)
    }

    /// Reads a model file of a model of one's own, or of one of the kinds in a
    /// [`registry!`](crate::registry).
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn load_as<M: Registry>(path: impl AsRef<Path>, device: &Device) -> Result<ModelFile<M>> {
        let path = path.as_ref();
        let bytes = checksummed::read(MODEL_FILE, path)?;
        ModelFile::read(path.display().to_string(), &bytes, device)
    }

    /// Reads a model file from its bytes: see [`load_as`](Self::load_as).
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn from_bytes_as<M: Registry>(bytes: &[u8], device: &Device) -> Result<ModelFile<M>> {
        ModelFile::read("the model's bytes".to_owned(), bytes, device)
    }
}

impl<M: Registry> ModelFile<M> {
    fn read(place: String, bytes: &[u8], device: &Device) -> Result<Self> {
        let file = checksummed::open(MODEL_FILE, &place, bytes)?;
        let failed = |problem: String| Error::file(&place, problem);
        let invalid = |error: Error| failed(error.to_string());
        let writer = file.about["fastburn_version"].as_str().unwrap_or("?").to_owned();
        let card: ModelCard = serde_json::from_value(file.about).map_err(|error| {
            let version = env!("CARGO_PKG_VERSION");
            failed(format!(
                "invalid description, written by fastburn {writer}, read by {version}: {error}"
            ))
        })?;
        // A device with autodiff would record each prediction for a backward pass.
        let device = device.clone().inner();
        let kind = M::kind(card.architecture.kind()).map_err(|error| {
            let remedy = "read it as the model's own type, or as a registry that has its kind";
            invalid(error).with_remedy(remedy.into())
        })?;
        // Its parameters take no memory until the weights of the file are found to fit them: a file
        // may claim any size. So no seed has an effect.
        let model = kind.make(&card.architecture, &device, Seed::new(0)).map_err(invalid)?;
        let width = kind.outputs(&card.architecture).map_err(invalid)?;
        card.check(width).map_err(failed)?;
        let weights = StateDict::from_tensors(&place, &file.tensors)?;
        weights.check_finite()?;
        // Dropout and batch norm compute as in validation; `train()` undoes it.
        let model = weights.load_new(model)?.valid();
        Ok(Self { classes: card.classes.as_slice().into(), card, model, width, place })
    }

    /// Returns the description of the model.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Returns the model, with its trained weights. It is set to validation: a custom training loop
    /// calls its `train()`, as a learner does.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Returns the model by value: see [`model`](Self::model).
    pub fn into_model(self) -> M {
        self.model
    }

    /// Returns an error about this file.
    pub(crate) fn error(&self, problem: String) -> Error {
        Error::file(&self.place, problem)
    }

    /// Refuses a file whose model does not take inputs of that shape and format.
    pub(crate) fn check_input(
        &self,
        shape: &[usize],
        format: impl std::fmt::Display,
    ) -> Result<()> {
        let architecture = &self.card.architecture;
        let kind = M::kind(architecture.kind())?;
        kind.check_input(architecture, shape, format).map_err(|problem| self.error(problem))
    }

    /// Returns the outputs for each item of a batch. They are computed by a clone of the model, on a
    /// CPU perhaps on another thread.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the model has another number of outputs than its configuration says,
    /// [`Error::Compute`] if the device fails, or if an output is NaN or infinite.
    pub fn outputs<I: Send>(&self, input: I) -> Result<Vec<Vec<f32>>>
    where
        M: Model<I, Output = Tensor<2>>,
    {
        // A clone shares the parameters: a reference would need a model that is `Sync`.
        let model = self.model.clone();
        let outputs = PREDICTIONS.run(&model.devices(), move || model.forward(input));
        release_memory();
        let [_, width] = outputs.dims();
        if width != self.width {
            let expected = format!("[batch, {}], as the model's configuration says", self.width);
            let found = format!("{:?}", outputs.dims());
            return Err(Error::Shape { what: "the outputs of a model", expected, found });
        }
        let outputs =
            outputs.try_into_vec_as::<f32>().map_err(|error| Error::compute("predict", error))?;
        if !outputs.iter().all(|output| output.is_finite()) {
            return Err(Error::compute("predict", "the model's outputs contain NaN or infinity"));
        }
        Ok(outputs.chunks_exact(width).map(<[f32]>::to_vec).collect())
    }

    /// Returns the predicted classes for the outputs of items.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the model predicts values.
    pub fn predictions(&self, outputs: &[Vec<f32>]) -> Result<Vec<Prediction>> {
        self.check_classes()?;
        let prediction = |outputs: &Vec<f32>| {
            let probabilities = self.card.outputs.probabilities(outputs, self.classes.len());
            Prediction::new(self.classes.clone(), probabilities)
        };
        Ok(outputs.iter().map(prediction).collect())
    }

    /// Refuses a model of values.
    pub(crate) fn check_classes(&self) -> Result<()> {
        if self.card.outputs == Outputs::Values {
            let problem = format!("{} predicts values, not classes", self.place);
            return Err(Error::usage(problem)
                .with_remedy("use its outputs, or a predictor's `values_of_…` methods".into()));
        }
        Ok(())
    }

    /// Refuses a model of classes.
    pub(crate) fn check_values(&self) -> Result<()> {
        if self.card.outputs == Outputs::Values {
            return Ok(());
        }
        let problem = format!("{} predicts classes, not values", self.place);
        Err(Error::usage(problem).with_remedy("use a predictor's `predict_…` methods".into()))
    }
}
