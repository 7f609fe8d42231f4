//! A trained model in one file: weights under PyTorch's names, and all that predicting needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::Device;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::architecture::{AnyModel, Architecture};
use super::weights::StateDict;
use crate::error::{Error, Result};
use crate::files::checksummed::{self, FileKind};
use crate::loss::Outputs;

/// How the file calls itself, and the form that is written here.
const MODEL_FILE: FileKind = FileKind { name: "model file", format_version: 1 };

/// What a model file says beside its weights.
///
/// In the file it is JSON under the metadata key `fastburn`, without any code.
/// [`Predictor::card`](crate::vision::Predictor::card) has it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The kind of model and its widths.
    pub architecture: Architecture,
    /// The classes' names, in the order of the model's outputs.
    pub classes: Vec<String>,
    /// The format of the inputs, as JSON: for images an [`ImageSpec`](crate::vision::ImageSpec).
    #[serde(rename = "image")]
    pub input: Value,
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
        let failed = |problem: String| Error::file("the model", problem);
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
        checksummed::seal(MODEL_FILE, about, &tensors.collect())
    }

    /// Says how architecture and classes do not fit each other.
    fn check(&self) -> Result<(), String> {
        self.architecture.check()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = self.classes.iter().find(|class| !names.insert(*class)) {
            return Err(format!("two classes are called {twice}"));
        }
        let (outputs, classes) = (self.architecture.outputs(), self.classes.len());
        match self.outputs.fit(outputs, classes) {
            true => Ok(()),
            false => Err(format!("{classes} classes do not fit {outputs} outputs")),
        }
    }
}

/// A model file as it was read.
#[derive(Debug, Clone)]
pub(crate) struct ModelFile {
    /// Where it is from, as messages name it.
    pub place: String,
    pub card: ModelCard,
    pub model: AnyModel,
}

impl ModelFile {
    /// Reads a model file, and makes its model on a device.
    pub fn read(path: &Path, device: &Device) -> Result<Self> {
        let bytes = checksummed::read(MODEL_FILE, path)?;
        Self::from_bytes(path.display().to_string(), &bytes, device)
    }

    /// From the content of a model file; `place` names it in messages.
    pub fn from_bytes(place: String, bytes: &[u8], device: &Device) -> Result<Self> {
        let file = checksummed::open(MODEL_FILE, &place, bytes)?;
        let failed = |problem: String| Error::file(&place, problem);
        let writer = file.about["fastburn_version"].as_str().unwrap_or("?").to_owned();
        let card: ModelCard = serde_json::from_value(file.about).map_err(|error| {
            let version = env!("CARGO_PKG_VERSION");
            failed(format!(
                "fastburn {version} cannot use it ({error}); fastburn {writer} wrote it"
            ))
        })?;
        card.check().map_err(failed)?;
        let weights = StateDict::from_tensors(&place, &file.tensors)?;
        weights.check_finite()?;
        let model = card.architecture.with_weights(&weights, device)?;
        Ok(Self { place, card, model })
    }
}
