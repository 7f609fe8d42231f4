//! Multi-layer perceptrons: linear layers with activation functions between them.

use burn::module::Module;
use burn::nn;
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use super::init::Init;
use super::model::{LayerGroup, Model, rows};
use super::observe::observe;
use super::weights::TorchNames;
use crate::error::{Error, Result};
use crate::seed::Seed;

/// The activation function of the hidden layers.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
}

/// The layer widths, activation function and initialisation of an [`Mlp`].
///
/// ```
/// use fastburn::models::{Activation, Init, MlpConfig};
///
/// let config = MlpConfig::new([784, 50, 1])
///     .with_activation(Activation::Sigmoid)
///     .with_init(Init::Normal);
/// let json = serde_json::to_string(&config).unwrap();
/// assert_eq!(serde_json::from_str::<MlpConfig>(&json).unwrap(), config);
///
/// let device = fastburn::device::cpu()?;
/// let model = config.init(&device, 42)?;
/// assert_eq!(model.layers.len(), 2);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MlpConfig {
    /// The number of input features, the width of each hidden layer and the number of outputs.
    pub widths: Vec<usize>,
    /// The activation function of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// The initialisation of weights and biases.
    #[serde(default, skip_serializing_if = "Init::is_default")]
    pub init: Init,
}

impl MlpConfig {
    /// Creates a configuration from the layer widths, inputs first and outputs last, with ReLU and
    /// PyTorch's initialisation.
    pub fn new(widths: impl Into<Vec<usize>>) -> Self {
        Self { widths: widths.into(), activation: Activation::default(), init: Init::default() }
    }

    /// Sets the activation function (default: ReLU).
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Sets the initialisation (default: PyTorch's).
    pub fn with_init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Creates the model on a device, with weights drawn from the random seed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are fewer than two widths, one is 0, or a layer is too large.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<Mlp> {
        let seed = seed.into();
        if self.widths.len() < 2 {
            let widths = format!("{:?}", self.widths);
            return Err(Error::setting("layer widths", widths, "at least an input and an output"));
        }
        let layers =
            self.widths.windows(2).zip(0..).map(|(widths, layer)| {
                self.init.layer([widths[0], widths[1]], seed, layer, device)
            });
        Ok(Mlp { layers: layers.collect::<Result<_>>()?, activation: self.activation })
    }
}

/// A multi-layer perceptron, for images or rows.
///
/// It reports `layers.0`, `layers.1`, … to [`observe`], all but the last after their activation.
#[derive(Module, Debug)]
pub struct Mlp {
    /// The layers, each with weight `[inputs, outputs]` and bias `[outputs]`.
    pub layers: Vec<nn::Linear>,
    #[module(skip)]
    pub(super) activation: Activation,
}

impl<const D: usize> Model<Tensor<D>> for Mlp {
    type Output = Tensor<2>;

    /// Maps images `[batch, channels, height, width]` or rows `[batch, features]` to
    /// `[batch, outputs]`.
    ///
    /// # Panics
    ///
    /// If the number of features per item differs from the model's inputs.
    fn forward(&self, input: Tensor<D>) -> Tensor<2> {
        let mut x = rows(input);
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if index + 1 < self.layers.len() {
                x = match self.activation {
                    Activation::Relu => activation::relu(x),
                    Activation::Sigmoid => activation::sigmoid(x),
                };
            }
            observe(format_args!("layers.{index}"), &x);
        }
        x
    }

    /// Returns the hidden layers as `body` and the last layer as `head`.
    fn layer_groups(&self) -> Vec<LayerGroup> {
        let last = self.layers.len().saturating_sub(1);
        let head = LayerGroup::new("head", [format!("layers.{last}")]);
        if last == 0 {
            return vec![head];
        }
        vec![LayerGroup::new("body", (0..last).map(|layer| format!("layers.{layer}"))), head]
    }
}

/// The names of `torch.nn.Sequential(Linear, activation, …)`: `0.weight`, `0.bias`, `2.weight`, ….
impl TorchNames for Mlp {
    fn torch_path(path: &str) -> String {
        let index = path.strip_prefix("layers.").and_then(|index| index.parse::<usize>().ok());
        index.map_or_else(|| path.to_owned(), |index| (2 * index).to_string())
    }
}
