//! Models that can be named in a file or on the command line.

use std::borrow::Cow;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::linear::{Linear, LinearConfig};
use super::mlp::{Mlp, MlpConfig};
use super::model::LayerGroup;
use super::model::Model;
use super::weights::{StateDict, TorchNames};
use crate::error::Result;
use crate::seed::Seed;

/// The most widths that the text of an MLP shows.
const MOST_SHOWN: usize = 12;

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
#[non_exhaustive]
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
    /// Creates the model on a device, with weights drawn from the random seed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if the configuration is invalid.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<AnyModel> {
        Ok(match self {
            Self::Linear(config) => AnyModel::Linear(config.init(device, seed)?),
            Self::Mlp(config) => AnyModel::Mlp(config.init(device, seed)?),
        })
    }

    /// Creates the model on a device, with the given weights.
    ///
    /// ```
    /// use fastburn::models::{Architecture, MlpConfig, Portable, StateDict};
    ///
    /// let device = fastburn::device::cpu()?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let copy = model.architecture().with_weights(&StateDict::of(&model)?, &device)?;
    /// assert_eq!(StateDict::of(&copy)?, StateDict::of(&model)?);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if weights do not fit or the architecture is invalid.
    pub fn with_weights(&self, weights: &StateDict, device: &Device) -> Result<AnyModel> {
        self.check().map_err(|problem| weights.error(problem))?;
        // Built from the weights alone: an architecture from a file may claim any width.
        let (model, layers) = match self {
            Self::Linear(config) => {
                let layer = weights.layer("", [config.inputs, config.outputs], device)?;
                (AnyModel::Linear(Linear { layer }), 1)
            }
            Self::Mlp(config) => {
                let layers = config.widths.windows(2).enumerate().map(|(index, widths)| {
                    weights.layer(&format!("{}.", 2 * index), [widths[0], widths[1]], device)
                });
                let layers = layers.collect::<Result<Vec<_>>>()?;
                let count = layers.len();
                (AnyModel::Mlp(Mlp { layers, activation: config.activation }), count)
            }
        };
        if weights.names().count() != 2 * layers {
            let (found, expected) = (weights.names().count(), 2 * layers);
            return Err(weights.error(format!("{found} tensors, expected {expected} for {self}")));
        }
        Ok(model)
    }

    /// Returns the number of input features.
    pub fn inputs(&self) -> usize {
        self.widths().first().copied().unwrap_or_default()
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.widths().last().copied().unwrap_or_default()
    }

    /// Returns the same architecture with another number of outputs.
    pub(crate) fn with_outputs(&self, outputs: usize) -> Self {
        let mut other = self.clone();
        match &mut other {
            Self::Linear(config) => config.outputs = outputs,
            Self::Mlp(config) => {
                if let Some(last) = config.widths.last_mut() {
                    *last = outputs;
                }
            }
        }
        other
    }

    /// Returns whether a tensor, by its name in PyTorch, belongs to the output layer.
    pub(crate) fn is_in_head(&self, torch_name: &str) -> bool {
        match self {
            Self::Linear(_) => true,
            Self::Mlp(config) => {
                let last = config.widths.len().saturating_sub(2);
                torch_name.starts_with(&format!("{}.", 2 * last))
            }
        }
    }

    /// Checks the widths; returns the problem if they are invalid.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.widths() {
            widths if widths.len() < 2 => {
                Err(format!("{} layer widths, expected at least 2", widths.len()))
            }
            widths if widths.contains(&0) => Err(format!("{self} has a layer of width 0")),
            _ => Ok(()),
        }
    }

    /// Returns the number of input features, the hidden widths and the number of outputs.
    ///
    /// ```
    /// use fastburn::models::{Architecture, LinearConfig};
    ///
    /// assert_eq!(*Architecture::Linear(LinearConfig::new(784, 10)).widths(), [784, 10]);
    /// ```
    pub fn widths(&self) -> Cow<'_, [usize]> {
        match self {
            Self::Linear(config) => Cow::Owned(vec![config.inputs, config.outputs]),
            Self::Mlp(config) => Cow::Borrowed(&config.widths),
        }
    }
}

/// A model that can be stored in a model file, which names its architecture.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be exported to a model file",
    label = "not a model that a model file can hold",
    note = "model files hold fastburn's own models; `Learner::save` writes the weights of any"
)]
pub trait Portable: TorchNames {
    /// Returns the model's configuration, with the default initialisation.
    fn architecture(&self) -> Architecture;
}

impl Portable for Linear {
    fn architecture(&self) -> Architecture {
        let [inputs, outputs] = self.layer.weight.dims();
        Architecture::Linear(LinearConfig::new(inputs, outputs))
    }
}

impl Portable for Mlp {
    fn architecture(&self) -> Architecture {
        let inputs = self.layers.iter().take(1).map(|layer| layer.weight.dims()[0]);
        let outputs = self.layers.iter().map(|layer| layer.weight.dims()[1]);
        let widths: Vec<_> = inputs.chain(outputs).collect();
        Architecture::Mlp(MlpConfig::new(widths).with_activation(self.activation))
    }
}

impl Portable for AnyModel {
    fn architecture(&self) -> Architecture {
        match self {
            Self::Linear(model) => model.architecture(),
            Self::Mlp(model) => model.architecture(),
        }
    }
}

impl TorchNames for AnyModel {
    fn torch_path(path: &str) -> String {
        // The models share no field names, so each function leaves the other's paths unchanged.
        Linear::torch_path(&Mlp::torch_path(path))
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Linear(config) => write!(f, "linear {}-{}", config.inputs, config.outputs),
            Self::Mlp(config) => {
                let text = |widths: &[usize]| {
                    widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
                };
                match config.widths.as_slice() {
                    [first @ .., last] if first.len() >= MOST_SHOWN => {
                        write!(f, "mlp {}-…-{last}", text(&first[..MOST_SHOWN - 1]))
                    }
                    widths => write!(f, "mlp {}", text(widths)),
                }
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

    fn layer_groups(&self) -> Vec<LayerGroup> {
        match self {
            Self::Linear(model) => Model::<Tensor<4>>::layer_groups(model),
            Self::Mlp(model) => Model::<Tensor<4>>::layer_groups(model),
        }
    }
}
