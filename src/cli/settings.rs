//! What makes a run what it is: the options that its result depends on.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fastburn::Error;
use fastburn::data::Images;
use fastburn::learner::{OptimizerConfig, OptimizerKind};
use fastburn::models::{Activation, Architecture, Init, LinearConfig, MlpConfig};
use serde::{Deserialize, Serialize};

use super::reading;

/// These go into checkpoints, under the names of the options.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    pub reading: reading::Options,
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
    optimizer: OptimizerKind,
    /// The learning rate
    #[arg(long, value_parser = learning_rate, default_value = "1e-3")]
    pub lr: f64,
    /// How often to go through the training images
    #[arg(long, default_value = "5")]
    pub epochs: NonZeroUsize,
    /// How many images make up a step
    #[arg(long, default_value = "64", value_name = "IMAGES")]
    pub batch_size: NonZeroUsize,
    /// The momentum, of an optimizer that has one; adam has 0.9 unless told otherwise
    #[arg(long, value_parser = number)]
    #[serde(default)]
    momentum: Option<f64>,
    /// How fast weights decay; with adam 0.01 unless told otherwise
    #[arg(long, value_parser = number, value_name = "RATE")]
    #[serde(default)]
    weight_decay: Option<f64>,
    /// How the learning rate goes from the first step to the last; --lr is its peak
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub schedule: ScheduleName,
    /// Stop once the validation loss has not improved for that many epochs
    #[arg(long, value_name = "EPOCHS")]
    #[serde(default)]
    pub early_stop: Option<NonZeroUsize>,
    /// Keep the epoch with the lowest validation loss, in the file of --out or in best.safetensors
    #[arg(long)]
    #[serde(default)]
    pub save_best: bool,
    /// Scale the gradients down to that norm, all together, where they are larger
    #[arg(long, value_parser = above_zero, value_name = "NORM")]
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Make a step of that many batches
    #[arg(long, value_name = "BATCHES")]
    #[serde(default)]
    pub accumulate: Option<NonZeroUsize>,
    /// Share that much of the target among all classes, such as 0.1; with cross-entropy alone
    #[arg(long, value_parser = share, value_name = "SHARE")]
    #[serde(default)]
    pub label_smoothing: Option<f64>,
    /// Have rare classes count as much as frequent ones: in the loss, or in what an epoch draws
    #[arg(long, value_enum)]
    #[serde(default)]
    pub balance: Option<BalanceName>,
    /// Start from the weights of a model file; with other classes its last layer is made anew
    #[arg(
        long,
        value_name = "MODEL",
        value_parser = start,
        conflicts_with_all = ["model", "hidden", "activation", "init", "normalize"]
    )]
    #[serde(default)]
    pub from: Option<PathBuf>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BalanceName {
    /// Each image weighs as much as its class is rare, in both losses; with cross-entropy alone
    Loss,
    /// Each image is drawn as often as its class is rare, to train on
    Sampling,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleName {
    #[default]
    Constant,
    OneCycle,
    FlatCos,
}

impl Settings {
    /// Refuses what no option by itself gets wrong.
    pub fn check(&self) -> Result<()> {
        if let Some(epsilon) = self.label_smoothing.filter(|_| self.loss != LossName::CrossEntropy)
        {
            return Err(Error::Setting {
                name: "--label-smoothing",
                value: epsilon.to_string(),
                expected: format!("the loss {} has none; leave it out", self.loss.name()),
            }
            .into());
        }
        if let (Some(BalanceName::Loss), LossName::Mnist) = (self.balance, self.loss) {
            return Err(Error::Setting {
                name: "--balance",
                value: BalanceName::Loss.name().to_owned(),
                expected: "the loss mnist has no weights; use --balance sampling".to_owned(),
            }
            .into());
        }
        if let (Some(momentum), ScheduleName::OneCycle) = (self.momentum, self.schedule) {
            return Err(Error::Setting {
                name: "--momentum",
                value: momentum.to_string(),
                expected: "one-cycle schedules it, from 0.95 to 0.85 and back; leave it out"
                    .to_owned(),
            }
            .into());
        }
        Ok(self.optimizer().check()?)
    }

    /// The optimizer with its options.
    pub fn optimizer(&self) -> OptimizerConfig {
        let mut config = OptimizerConfig::new(self.optimizer);
        if let Some(momentum) = self.momentum {
            config = config.momentum(momentum);
        }
        if let Some(rate) = self.weight_decay {
            config = config.weight_decay(rate);
        }
        config
    }

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

impl BalanceName {
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Sampling => "sampling",
        }
    }
}

impl ScheduleName {
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::OneCycle => "one-cycle",
            Self::FlatCos => "flat-cos",
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

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "it must be a number".to_owned())
}

/// A model file to start from, as it is called from any folder.
fn start(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<f64, String> {
    match number(text)? {
        value if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("it must be at least 0 and below 1".to_owned()),
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    match number(text)? {
        value if value > 0.0 => Ok(value),
        _ => Err("it must be above 0".to_owned()),
    }
}

fn learning_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(lr) if lr.is_finite() && lr >= 0.0 => Ok(lr),
        _ => Err("it must be a finite number of at least 0".to_owned()),
    }
}
