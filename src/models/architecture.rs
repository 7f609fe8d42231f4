//! The models that a file or a command line can name.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Linear, LinearConfig, Mlp, MlpConfig, Model, StateDict, TorchNames};
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

    /// The model on a device, with these weights.
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
    /// [`Error::File`](crate::Error::File) if the weights do not fit,
    /// [`Error::Setting`](crate::Error::Setting) if the configuration cannot work.
    pub fn with_weights(&self, weights: &StateDict, device: &Device) -> Result<AnyModel> {
        // An architecture from a file may claim any width; nothing larger than the weights that
        // are there is made.
        if self.num_params() != Some(weights.num_values()) {
            return Err(weights.error(format!(
                "{} numbers, but a {self} has {}",
                weights.num_values(),
                self.num_params().map_or("more than fit".to_owned(), |count| count.to_string())
            )));
        }
        let mut model = self.init(device, 0)?;
        weights.load_into(&mut model)?;
        Ok(model)
    }

    /// The number of features of an input.
    pub fn inputs(&self) -> usize {
        self.widths().first().copied().unwrap_or_default()
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.widths().last().copied().unwrap_or_default()
    }

    /// The number of parameters; `None` if no machine can count that far.
    pub fn num_params(&self) -> Option<usize> {
        self.widths().windows(2).try_fold(0_usize, |sum, widths| {
            sum.checked_add(widths[0].checked_add(1)?.checked_mul(widths[1])?)
        })
    }

    fn widths(&self) -> Vec<usize> {
        match self {
            Self::Linear(config) => vec![config.inputs, config.outputs],
            Self::Mlp(config) => config.widths.clone(),
        }
    }
}

/// A model that a model file can hold: the file names its architecture.
pub trait Portable: TorchNames {
    /// The model's configuration; how its first values were drawn is forgotten.
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
    fn torch_name(path: &str) -> String {
        // The two name their fields apart.
        Linear::torch_name(&Mlp::torch_name(path))
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
