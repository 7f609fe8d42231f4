//! Model files: a trained model's weights with PyTorch's names, and everything needed to predict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::architecture::{AnyModel, Architecture};
use super::weights::StateDict;
use crate::error::{Error, Result};
use crate::files::checksummed::{self, FileKind};
use crate::loss::Outputs;

/// The kind and the format version of the files that this version writes.
const MODEL_FILE: FileKind = FileKind { name: "model file", format_version: 1 };

/// The description of a model in its file, beside the weights.
///
/// In the file it is JSON, without any code, under the metadata key `fastburn`.
/// [`Predictor::card`](crate::vision::Predictor::card) returns it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The kind of model and its layer widths.
    pub architecture: Architecture,
    /// The class names, in the order of the model's outputs.
    pub classes: Vec<String>,
    /// The format of the inputs, as JSON: for images an [`ImageSpec`](crate::vision::ImageSpec).
    #[serde(rename = "image")]
    pub input: Value,
    /// The name of the training loss.
    pub loss: String,
    /// The conversion of outputs to probabilities.
    pub outputs: Outputs,
    /// The results of the last validation, by name: `valid_loss` and the metrics.
    pub metrics: BTreeMap<String, f64>,
    /// The version of fastburn that wrote the file.
    #[serde(default)]
    pub fastburn_version: String,
}

impl ModelCard {
    /// Returns the bytes of a model file.
    pub(crate) fn seal(&self, weights: &StateDict) -> Result<Vec<u8>> {
        let failed = |problem: String| Error::file("the model", problem);
        self.check().map_err(failed)?;
        weights.check_finite()?;
        let Ok(Value::Object(about)) = serde_json::to_value(self) else {
            return Err(failed("its description has no JSON form".to_owned()));
        };
        let stored = weights.stored();
        let tensors = stored.iter().map(|(name, (dtype, shape, bytes))| {
            (name.clone(), (*dtype, shape.clone(), bytes.as_slice()))
        });
        checksummed::seal(MODEL_FILE, about, &tensors.collect())
    }

    /// Checks that architecture and classes fit each other; returns the problem if they do not.
    fn check(&self) -> Result<(), String> {
        self.architecture.check()?;
        let mut names = BTreeSet::new();
        if let Some(duplicate) = self.classes.iter().find(|class| !names.insert(*class)) {
            return Err(format!("duplicate class name {duplicate}"));
        }
        let (outputs, classes) = (self.architecture.outputs(), self.classes.len());
        if self.outputs.fit(outputs, classes) {
            Ok(())
        } else {
            Err(format!("{classes} classes do not fit {outputs} outputs"))
        }
    }
}

/// The content of a model file.
#[derive(Debug, Clone)]
pub(crate) struct ModelFile {
    /// The file, as named in messages.
    pub place: String,
    pub card: ModelCard,
    pub model: AnyModel,
}

impl ModelFile {
    /// Reads a model file and creates its model on a device.
    pub fn read(path: &Path, device: &Device) -> Result<Self> {
        let bytes = checksummed::read(MODEL_FILE, path)?;
        Self::from_bytes(path.display().to_string(), &bytes, device)
    }

    /// Reads a model file from its bytes; `place` names it in messages.
    pub fn from_bytes(place: String, bytes: &[u8], device: &Device) -> Result<Self> {
        let file = checksummed::open(MODEL_FILE, &place, bytes)?;
        let failed = |problem: String| Error::file(&place, problem);
        let writer = file.about["fastburn_version"].as_str().unwrap_or("?").to_owned();
        let card: ModelCard = serde_json::from_value(file.about).map_err(|error| {
            let version = env!("CARGO_PKG_VERSION");
            failed(format!(
                "invalid description, written by fastburn {writer}, read by {version}: {error}"
            ))
        })?;
        card.check().map_err(failed)?;
        let weights = StateDict::from_tensors(&place, &file.tensors)?;
        weights.check_finite()?;
        let model = card.architecture.with_weights(&weights, device)?;
        Ok(Self { place, card, model })
    }
}
