//! Multi-layer perceptrons: linear layers with activation functions between them.

use burn::module::Module;
use burn::nn;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::exportable::Exportable;
use super::input::{check_features, rows};
use super::model::{LayerGroup, Model};
use super::options::{Activation, ModelOption};
use super::preset::Preset;
use super::weights::TorchNames;
use crate::draw::draw;
use crate::error::{Error, Result};
use crate::layers::{Init, LayerMaker, linear, observe, relu, sigmoid};
use crate::seed::Seed;

/// The most widths of an MLP.
const MOST_WIDTHS: usize = 10_000;
/// The most widths that the text of an MLP shows.
const MOST_SHOWN: usize = 12;

/// The layer widths, activation function and initialisation of an [`Mlp`].
///
/// ```
/// use fastburn::layers::Init;
/// use fastburn::models::{Activation, MlpConfig};
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
    /// [`Error::Setting`] if there are fewer than two widths or too many, one is 0, or a layer is
    /// too large.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<Mlp> {
        let model = self.init_lazily(device, seed.into())?;
        draw(&model);
        Ok(model)
    }

    /// Creates the model, whose weights are drawn when they are first used.
    fn init_lazily(&self, device: &Device, seed: Seed) -> Result<Mlp> {
        if self.widths.len() < 2 {
            let widths = format!("{:?}", self.widths);
            return Err(Error::setting("layer widths", widths, "at least an input and an output"));
        }
        if self.widths.len() > MOST_WIDTHS {
            let expected = format!("at most {MOST_WIDTHS}");
            return Err(Error::setting("number of layer widths", self.widths.len(), expected));
        }
        let mut maker = LayerMaker::new(device, seed);
        let widths = self.widths.windows(2).map(|widths| [widths[0], widths[1]]);
        let layers = widths.map(|widths| maker.linear(self.init, widths));
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
            x = linear(layer, x);
            if index + 1 < self.layers.len() {
                x = match self.activation {
                    Activation::Relu => relu(x),
                    Activation::Sigmoid => sigmoid(x),
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
    fn torch_path(&self, path: &str) -> String {
        let index = path.strip_prefix("layers.").and_then(|index| index.parse::<usize>().ok());
        index.map_or_else(|| path.to_owned(), |index| (2 * index).to_string())
    }
}

impl Exportable for Mlp {
    const KIND: &'static str = "mlp";
    type Config = MlpConfig;

    /// Returns the widths and the activation function, with the default initialisation.
    fn config(&self) -> MlpConfig {
        let inputs = self.layers.iter().take(1).map(|layer| layer.weight.lazy_shape()[0]);
        let outputs = self.layers.iter().map(|layer| layer.weight.lazy_shape()[1]);
        let widths: Vec<_> = inputs.chain(outputs).collect();
        MlpConfig::new(widths).with_activation(self.activation)
    }

    fn from_config(config: &MlpConfig, device: &Device, seed: Seed) -> Result<Self> {
        config.init_lazily(device, seed)
    }

    fn outputs(config: &MlpConfig) -> usize {
        config.widths.last().copied().unwrap_or_default()
    }

    fn with_outputs(mut config: MlpConfig, outputs: usize) -> MlpConfig {
        if let Some(last) = config.widths.last_mut() {
            *last = outputs;
        }
        config
    }

    fn check_input(config: &MlpConfig, shape: &[usize]) -> Result<(), String> {
        check_features(config.widths.first().copied().unwrap_or_default(), shape)
    }

    fn describe(config: &MlpConfig) -> String {
        let text =
            |widths: &[usize]| widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let widths = match config.widths.as_slice() {
            [first @ .., last] if first.len() >= MOST_SHOWN => {
                format!("{}-…-{last}", text(&first[..MOST_SHOWN - 1]))
            }
            widths => text(widths),
        };
        match config.activation {
            Activation::Relu => format!("mlp {widths}"),
            Activation::Sigmoid => format!("mlp {widths}, sigmoid"),
        }
    }

    fn presets() -> Vec<Preset<Self::Config>> {
        let preset =
            Preset::new(Self::KIND, "A multi-layer perceptron", |shape, outputs, options| {
                let ends = [shape.iter().product(), outputs];
                let widths = [&ends[..1], &options.hidden, &ends[1..]].concat();
                let config = MlpConfig::new(widths).with_activation(options.activation);
                Ok(config.with_init(options.init))
            });
        vec![preset.with_lr(5e-3).uses(&[
            ModelOption::Hidden,
            ModelOption::Activation,
            ModelOption::Init,
        ])]
    }
}
