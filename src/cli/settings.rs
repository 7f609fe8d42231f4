//! What makes a run what it is: the options that its result depends on.

use std::num::NonZeroUsize;

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fastburn::data::Images;
use fastburn::learner::OptimizerKind;
use fastburn::models::{Activation, Architecture, Init, LinearConfig, MlpConfig};
use serde::{Deserialize, Serialize};

/// These go into checkpoints, under the names of the options.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Settings {
    /// The kind of model
    #[arg(long, value_enum, default_value_t = ModelName::Mlp)]
    model: ModelName,
    /// The hidden layers' widths of an mlp, such as 500 or 200,50
    #[arg(long, value_delimiter = ',', default_value = "100", value_name = "WIDTH")]
    hidden: Vec<NonZeroUsize>,
    /// What stands between two layers of an mlp
    #[arg(long, value_enum, default_value_t = ActivationName::Relu)]
    activation: ActivationName,
    /// How the first weights are drawn
    #[arg(long, value_enum, default_value_t = InitName::Pytorch)]
    init: InitName,
    /// The loss function
    #[arg(long, value_enum, default_value_t = LossName::CrossEntropy)]
    pub loss: LossName,
    /// The optimizer
    #[arg(long, value_parser = optimizers(), default_value = OptimizerKind::Adam.name())]
    pub optimizer: OptimizerKind,
    /// The learning rate
    #[arg(long, value_parser = learning_rate, default_value = "1e-3", allow_negative_numbers = true)]
    pub lr: f64,
    /// How often to go through the training images
    #[arg(long, default_value = "5")]
    pub epochs: NonZeroUsize,
    /// How many images make up a step
    #[arg(long, default_value = "64", value_name = "IMAGES")]
    pub batch_size: NonZeroUsize,
    /// Where all randomness comes from
    #[arg(long, default_value = "42")]
    pub seed: u64,
    /// The device: auto, cpu, or a name that `fastburn devices` lists
    #[arg(long, default_value = "auto")]
    pub device: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModelName {
    Linear,
    Mlp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActivationName {
    Relu,
    Sigmoid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum InitName {
    Pytorch,
    Kaiming,
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossName {
    CrossEntropy,
    Mnist,
}

impl Settings {
    pub fn architecture(&self, images: &Images) -> Architecture {
        let inputs = images.shape().iter().product();
        let outputs = images.classes().len();
        let init = match self.init {
            InitName::Pytorch => Init::PyTorch,
            InitName::Kaiming => Init::Kaiming,
            InitName::Normal => Init::Normal,
        };
        match self.model {
            ModelName::Linear => {
                Architecture::Linear(LinearConfig::new(inputs, outputs).with_init(init))
            }
            ModelName::Mlp => {
                let mut widths = vec![inputs];
                widths.extend(self.hidden.iter().map(|width| width.get()));
                widths.push(outputs);
                let activation = match self.activation {
                    ActivationName::Relu => Activation::Relu,
                    ActivationName::Sigmoid => Activation::Sigmoid,
                };
                Architecture::Mlp(
                    MlpConfig::new(widths).with_activation(activation).with_init(init),
                )
            }
        }
    }
}

impl LossName {
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross-entropy",
            Self::Mnist => "mnist",
        }
    }
}

fn optimizers() -> impl TypedValueParser<Value = OptimizerKind> {
    PossibleValuesParser::new(OptimizerKind::ALL.map(OptimizerKind::name))
        .try_map(|name| name.parse::<OptimizerKind>())
}

fn learning_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(lr) if lr.is_finite() && lr >= 0.0 => Ok(lr),
        _ => Err("it must be a finite number of at least 0".to_owned()),
    }
}
