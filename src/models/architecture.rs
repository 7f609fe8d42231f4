//! The models that a file or a command line can name.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Linear, LinearConfig, Mlp, MlpConfig, Model};
use crate::error::Result;
use crate::seed::Seed;

/// The configuration of any of fastburn's models.
///
/// ```
/// use fastburn::models::{Architecture, MlpConfig};
///
/// let architecture = Architecture::Mlp(MlpConfig::new([784, 30, 10]));
/// let json = serde_json::to_value(&architecture).unwrap();
/// assert_eq!(json["model"], "mlp");
/// assert_eq!(architecture.to_string(), "mlp 784-30-10");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "kebab-case")]
pub enum Architecture {
    /// One linear layer.
    Linear(LinearConfig),
    /// A multi-layer perceptron.
    Mlp(MlpConfig),
}

/// Any of fastburn's models, for images `[batch, channels, height, width]`.
#[derive(Module, Debug)]
pub enum AnyModel {
    /// One linear layer.
    Linear(Linear),
    /// A multi-layer perceptron.
    Mlp(Mlp),
}

impl Architecture {
    /// The model on a device, with the seed's values.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if the configuration cannot work.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<AnyModel> {
        Ok(match self {
            Self::Linear(config) => AnyModel::Linear(config.init(device, seed)?),
            Self::Mlp(config) => AnyModel::Mlp(config.init(device, seed)?),
        })
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Linear(config) => write!(f, "linear {}-{}", config.inputs, config.outputs),
            Self::Mlp(config) => {
                let widths: Vec<_> = config.widths.iter().map(usize::to_string).collect();
                write!(f, "mlp {}", widths.join("-"))
            }
        }
    }
}

impl Model<Tensor<4>> for AnyModel {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Linear(model) => model.forward(input),
            Self::Mlp(model) => model.forward(input),
        }
    }
}
