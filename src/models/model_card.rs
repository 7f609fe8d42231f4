//! What a model file says of its model, beside the weights.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use crate::data::InputFormat;
use crate::loss::Outputs;

/// The description of a model in its file, beside the weights: what goes in, and what comes out.
///
/// In the file it is JSON, without any code, under the metadata key `fastburn`.
/// [`Predictor::card`](crate::vision::Predictor::card) returns it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The kind of model and its configuration.
    pub architecture: Architecture,
    /// The class names, in the order of the model's outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The names of the values, in the order of the model's outputs, if it predicts values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The format of the inputs: `image`, `rows` or `other`, with that format.
    #[serde(flatten)]
    pub input: InputFormat,
    /// The name of the training loss.
    pub loss: String,
    /// The conversion of outputs to probabilities, if they are not values.
    pub outputs: Outputs,
    /// The results of the last validation, by name: `valid_loss` and the metrics.
    pub metrics: BTreeMap<String, f64>,
    /// The version of fastburn that wrote the file.
    #[serde(default)]
    pub fastburn_version: String,
}

impl ModelCard {
    /// Checks that classes or values fit the outputs; returns the problem if they do not.
    pub(super) fn check(&self, outputs: usize) -> Result<(), String> {
        let (what, names, others) = match self.outputs {
            Outputs::Values => ("values", &self.values, &self.classes),
            _ => ("classes", &self.classes, &self.values),
        };
        let mut found = BTreeSet::new();
        if let Some(duplicate) = names.iter().find(|name| !found.insert(*name)) {
            return Err(format!("two of the {what} are called {duplicate}"));
        }
        let count = names.len();
        if outputs == 0 || !self.outputs.fit(outputs, count) {
            return Err(format!("{count} {what} do not fit {outputs} outputs"));
        }
        match others.first() {
            None => Ok(()),
            Some(other) => Err(format!("names of classes and of values: {} and {other}", names[0])),
        }
    }
}
