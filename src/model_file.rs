//! A trained model in one file: weights under PyTorch's names, and all that predicting needs.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Device;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::ImageSpec;
use crate::error::{Error, Result};
use crate::loss::Outputs;
use crate::models::{AnyModel, Architecture, StateDict};
use crate::sealed::{self, Kind};

/// How the file calls itself, and the form that is written here.
pub(crate) const MODEL_FILE: Kind = Kind { name: "model file", format_version: 1 };

/// What a model file says beside its weights.
///
/// In the file it is JSON under the metadata key `fastburn`, without any code.
/// [`Predictor::card`](crate::Predictor::card) has it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The kind of model and its widths.
    pub architecture: Architecture,
    /// The classes' names, in the order of the model's outputs.
    pub classes: Vec<String>,
    /// What the model's images look like.
    pub image: ImageSpec,
    /// The loss that it was trained with, by name.
    pub loss: String,
    /// How its outputs become probabilities.
    pub outputs: Outputs,
    /// What the last validation found, by name: `valid_loss`, and the metrics.
    pub metrics: BTreeMap<String, f64>,
    /// The version of fastburn that wrote the file.
    #[serde(default)]
    pub fastburn_version: String,
}

impl ModelCard {
    /// The bytes of a model file.
    pub(crate) fn seal(&self, weights: &StateDict) -> Result<Vec<u8>> {
        let failed = |problem: String| Error::File { file: "the model".to_owned(), problem };
        self.check().map_err(failed)?;
        weights.check_finite()?;
        let Ok(Value::Object(about)) = serde_json::to_value(self) else {
            return Err(failed("what describes it is no JSON".to_owned()));
        };
        let bytes = weights.little_endian();
        let tensors = bytes.iter().map(|(name, bytes)| {
            let shape = weights.shape(name).unwrap_or_default().to_vec();
            (name.clone(), (Dtype::F32, shape, bytes.as_slice()))
        });
        sealed::seal(MODEL_FILE, about, &tensors.collect())
    }

    /// What a model file holds; `file` names it in messages.
    pub(crate) fn open(file: &str, bytes: &[u8], device: &Device) -> Result<(Self, AnyModel)> {
        let sealed = sealed::open(MODEL_FILE, file, bytes)?;
        let failed = |problem: String| Error::File { file: file.to_owned(), problem };
        let writer = sealed.about["fastburn_version"].as_str().unwrap_or("?").to_owned();
        let card: Self = serde_json::from_value(sealed.about).map_err(|error| {
            failed(format!(
                "this fastburn, {}, cannot use it: {error}; fastburn {writer} wrote it",
                env!("CARGO_PKG_VERSION")
            ))
        })?;
        card.check().map_err(failed)?;
        let weights = StateDict::from_tensors(file, &sealed.tensors)?;
        weights.check_finite()?;
        let model = card.architecture.with_weights(&weights, device)?;
        Ok((card, model))
    }

    /// Whether image, architecture and classes fit each other, or how they do not.
    fn check(&self) -> Result<(), String> {
        let (image, architecture) = (&self.image, &self.architecture);
        image.check()?;
        architecture.check()?;
        if image.len() != architecture.inputs() {
            return Err(format!(
                "images of {image} do not fit a {architecture}, which takes {} numbers",
                architecture.inputs()
            ));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.classes.iter().find(|class| !names.insert(*class)) {
            return Err(format!("two classes are called {twice}"));
        }
        let (outputs, classes) = (architecture.outputs(), self.classes.len());
        match self.outputs.fit(outputs, classes) {
            true => Ok(()),
            false => Err(format!("{classes} classes do not fit {outputs} outputs")),
        }
    }
}
