//! A linear model: a single linear layer.

use burn::module::Module;
use burn::nn;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::exportable::Exportable;
use super::input::{check_features, rows};
use super::model::Model;
use super::options::ModelOption;
use super::preset::Preset;
use super::weights::TorchNames;
use crate::draw::draw;
use crate::error::Result;
use crate::layers::{Init, LayerMaker, linear, observe};
use crate::seed::Seed;

/// The shape and initialisation of a [`Linear`] model.
///
/// ```
/// use fastburn::layers::Init;
/// use fastburn::models::LinearConfig;
///
/// let device = fastburn::device::cpu()?;
/// let model = LinearConfig::new(784, 10).with_init(Init::Normal).init(&device, 42)?;
/// assert_eq!(burn::module::Module::num_params(&model), 7850);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearConfig {
    /// The number of input features.
    pub inputs: usize,
    /// The number of outputs, one per class.
    pub outputs: usize,
    /// The initialisation of weights and bias.
    #[serde(default, skip_serializing_if = "Init::is_default")]
    pub init: Init,
}

impl LinearConfig {
    /// Creates a configuration with these inputs and outputs, and PyTorch's initialisation.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, init: Init::default() }
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
    /// [`Error::Setting`](crate::Error::Setting) if a width is 0 or the layer is too large.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<Linear> {
        let model = self.init_lazily(device, seed.into())?;
        draw(&model);
        Ok(model)
    }

    /// Creates the model, whose weights are drawn when they are first used.
    fn init_lazily(&self, device: &Device, seed: Seed) -> Result<Linear> {
        let widths = [self.inputs, self.outputs];
        Ok(Linear { layer: LayerMaker::new(device, seed).linear(self.init, widths)? })
    }
}

/// `input · weight + bias`, for images or rows. It reports `layer` to [`observe`].
#[derive(Module, Debug)]
pub struct Linear {
    /// Weight `[inputs, outputs]` and bias `[outputs]`.
    pub layer: nn::Linear,
}

impl<const D: usize> Model<Tensor<D>> for Linear {
    type Output = Tensor<2>;

    /// Maps images `[batch, channels, height, width]` or rows `[batch, features]` to
    /// `[batch, outputs]`.
    ///
    /// # Panics
    ///
    /// If the number of features per item differs from the model's inputs.
    fn forward(&self, input: Tensor<D>) -> Tensor<2> {
        let x = linear(&self.layer, rows(input));
        observe("layer", &x);
        x
    }
}

/// The names of `torch.nn.Linear(inputs, outputs)`: `weight` and `bias`.
impl TorchNames for Linear {
    fn torch_path(&self, path: &str) -> String {
        path.strip_prefix("layer").unwrap_or(path).to_owned()
    }
}

impl Exportable for Linear {
    const KIND: &'static str = "linear";
    type Config = LinearConfig;

    /// Returns the widths, with the default initialisation.
    fn config(&self) -> LinearConfig {
        let shape = self.layer.weight.lazy_shape();
        LinearConfig::new(shape[0], shape[1])
    }

    fn from_config(config: &LinearConfig, device: &Device, seed: Seed) -> Result<Self> {
        config.init_lazily(device, seed)
    }

    fn outputs(config: &LinearConfig) -> usize {
        config.outputs
    }

    fn with_outputs(config: LinearConfig, outputs: usize) -> LinearConfig {
        LinearConfig { outputs, ..config }
    }

    fn check_input(config: &LinearConfig, shape: &[usize]) -> Result<(), String> {
        check_features(config.inputs, shape)
    }

    fn describe(config: &LinearConfig) -> String {
        format!("linear {}-{}", config.inputs, config.outputs)
    }

    fn presets() -> Vec<Preset<Self::Config>> {
        let preset = Preset::new(Self::KIND, "A single linear layer", |shape, outputs, options| {
            Ok(LinearConfig::new(shape.iter().product(), outputs).with_init(options.init))
        });
        vec![preset.with_lr(1e-2).uses(&[ModelOption::Init])]
    }
}
