//! The description of a model in a file: its kind and its configuration.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exportable::Exportable;
use crate::error::{Error, Result};

/// The key of the kind among those of the configuration.
const KIND: &str = "model";

/// The kind of a model and its configuration: all that is needed to make the model, without its
/// weights. [`Registry::from_architecture`](super::Registry::from_architecture) makes it.
///
/// ```
/// use fastburn::models::{Architecture, Mlp, MlpConfig};
/// use serde_json::json;
///
/// let architecture = Architecture::of::<Mlp>(&MlpConfig::new([784, 30, 10]))?;
/// let expected = json!({ "model": "mlp", "widths": [784, 30, 10], "activation": "relu" });
/// assert_eq!(serde_json::to_value(&architecture).unwrap(), expected);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    #[serde(rename = "model")]
    kind: String,
    #[serde(flatten)]
    config: Map<String, Value>,
}

impl Architecture {
    /// Creates the description of a model of that configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the configuration is not a struct with named fields in JSON, or has a
    /// field called `model`.
    pub fn of<M: Exportable>(config: &M::Config) -> Result<Self> {
        let refused = |found: String, expected: &str| {
            Error::setting("configuration of a model", found, expected.to_owned())
        };
        match serde_json::to_value(config) {
            Ok(Value::Object(config)) if config.contains_key(KIND) => {
                Err(refused(format!("with a field `{KIND}`"), "another name for it"))
            }
            Ok(Value::Object(config)) => Ok(Self { kind: M::KIND.to_owned(), config }),
            Ok(other) => Err(refused(other.to_string(), "a struct with named fields")),
            Err(error) => Err(refused(error.to_string(), "a struct that can be written as JSON")),
        }
    }

    /// Returns the kind of the model, such as `mlp`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is none of that kind of model.
    pub fn config<M: Exportable>(&self) -> Result<M::Config> {
        serde_json::from_value(Value::Object(self.config.clone())).map_err(|error| {
            let expected = format!("that of a model of kind {}", self.kind);
            Error::setting("configuration of a model", error.to_string(), expected)
        })
    }
}
