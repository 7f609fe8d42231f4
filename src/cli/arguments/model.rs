//! The options that choose a new model, or the trained one to start from.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use fastburn::Error;
use fastburn::layers::{HeadConfig, Init};
use fastburn::models::{
    Activation, AnyModel, Architecture, ConvNet, Exportable, ModelOption, ModelOptions, NamedModel,
    Registry, Shrinking, Stem,
};
use fastburn::vision::Images;
use serde::{Deserialize, Serialize};

use super::given::Given;
use super::values::count;

/// The learning rate for a model whose body is trained.
const TRAINED_LR: f64 = 1e-3;

/// Options for the model.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Model")]
pub struct ModelArguments {
    /// Model architecture
    #[arg(long, value_parser = models(), default_value = ConvNet::KIND)]
    model: String,
    /// Widths of the hidden layers of an mlp, such as 500 or 200,50
    #[arg(long, value_parser = count, value_delimiter = ',', default_value = "100", value_name = "WIDTH")]
    hidden: Vec<NonZeroUsize>,
    /// Activation function of the hidden layers
    #[arg(long, value_enum, default_value_t)]
    activation: Activation,
    /// Weight initialisation
    #[arg(long, value_enum, default_value_t)]
    init: Init,
    #[command(flatten)]
    #[serde(flatten)]
    convolution: ConvolutionOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub start: StartOptions,
}

/// What a model starts from, instead of random weights.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Model")]
pub struct StartOptions {
    /// Start from the weights of a model file, with a new last layer if the classes differ
    #[arg(
        long,
        value_name = "MODEL",
        value_parser = absolute,
        conflicts_with_all = [
            "model", "hidden", "activation", "init", "widths", "kernel", "shrinking", "stem", "head",
            "zero_init", "normalize", "weights", "pretrained",
        ]
    )]
    #[serde(default)]
    pub from: Option<PathBuf>,
    /// Start from the pretrained weights of --model, downloaded once, with a new head; =NAME for
    /// other weights of `fastburn models` than the model's first
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["weights", "normalize"]
    )]
    #[serde(default)]
    pub pretrained: Option<String>,
    /// Start from a file of weights with PyTorch's names for --model, with a new head (.pth or
    /// .safetensors)
    #[arg(long, value_name = "FILE", value_parser = absolute)]
    #[serde(default)]
    pub weights: Option<PathBuf>,
}

/// Options for convolutional models.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Model")]
struct ConvolutionOptions {
    /// Channels of the blocks of a convnet, or of the four stages of a resnet [default: 16,32,64 and
    /// more for a convnet of images above 40 pixels; 64,128,256,512]
    #[arg(long, value_parser = count, value_delimiter = ',', value_name = "CHANNELS")]
    #[serde(default)]
    widths: Vec<NonZeroUsize>,
    /// Side of a convnet's first kernel in pixels, an odd number [default: 5]
    #[arg(long, value_parser = count, value_name = "SIDE")]
    #[serde(default)]
    kernel: Option<NonZeroUsize>,
    /// How a convnet halves the size of its feature maps [default: stride]
    #[arg(long, value_enum)]
    #[serde(default)]
    shrinking: Option<Shrinking>,
    /// First layers of a resnet [default: small for images below 64 pixels]
    #[arg(long, value_enum)]
    #[serde(default)]
    stem: Option<Stem>,
    /// Last layers of a convnet or a resnet [default: fastai with pretrained weights, else linear]
    #[arg(long, value_enum)]
    #[serde(default)]
    head: Option<HeadName>,
    /// Begin with each block of a resnet as the identity
    #[arg(long, conflicts_with_all = ["pretrained", "weights"])]
    #[serde(default)]
    zero_init: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HeadName {
    /// Average pooling and one linear layer: torchvision's
    Linear,
    /// Both poolings, batch norms, dropout and two linear layers: fastai's
    Fastai,
}

impl StartOptions {
    /// Returns whether the body of the model is trained already.
    pub fn is_trained(&self) -> bool {
        self.from.is_some() || self.has_weights()
    }

    /// Returns whether the body is that of pretrained weights.
    fn has_weights(&self) -> bool {
        self.pretrained.is_some() || self.weights.is_some()
    }
}

impl ModelArguments {
    /// Returns the name of the model.
    pub fn name(&self) -> &str {
        &self.model
    }

    /// Returns the learning rate that suits the model.
    pub fn lr(&self) -> f64 {
        if self.start.is_trained() {
            return TRAINED_LR;
        }
        // `check` has refused other names.
        AnyModel::named(&self.model).map_or(TRAINED_LR, |model| model.lr())
    }

    /// Fails if an option on the command line has no effect on the model.
    pub fn check(&self, given: &Given) -> Result<()> {
        Self::check_options(&self.model, given)
    }

    /// Fails if an option on the command line has no effect on a model of that name.
    pub fn check_options(model: &str, given: &Given) -> Result<()> {
        let (models, model) = (AnyModel::all_named(), AnyModel::named(model)?);
        let has_no_effect = |option: &&ModelOption| {
            given.contains(option.name()) && !model.options().contains(option)
        };
        let mut options = models.iter().flat_map(NamedModel::options);
        let Some(option) = options.find(has_no_effect) else { return Ok(()) };
        let uses_it = |model: &&NamedModel| model.options().contains(option);
        let users: Vec<_> = models.iter().filter(uses_it).map(NamedModel::name).collect();
        let problem = format!(
            "--{} has no effect on {}, only on {}",
            option.name().replace('_', "-"),
            model.name(),
            users.join(", ")
        );
        let remedy = Some("leave it out, or choose another --model".into());
        Err(Error::Usage { problem, remedy }.into())
    }

    /// Returns the architecture of a new model for these images.
    pub fn architecture(&self, images: &Images) -> Result<Architecture> {
        let (shape, classes) = (images.format().shape(), images.classes().len());
        let model = AnyModel::named(&self.model)?;
        Ok(model.architecture(&shape, classes, &self.options())?)
    }

    fn options(&self) -> ModelOptions {
        let numbers = |widths: &[NonZeroUsize]| widths.iter().map(|width| width.get()).collect();
        let hidden: Vec<_> = numbers(&self.hidden);
        let widths: Vec<_> = numbers(&self.convolution.widths);
        let mut options = ModelOptions::new().hidden(hidden).widths(widths);
        options.activation = self.activation;
        options.init = self.init;
        options.kernel = self.convolution.kernel.map(NonZeroUsize::get);
        options.shrinking = self.convolution.shrinking;
        options.stem = self.convolution.stem;
        let usual = self.start.has_weights().then_some(HeadName::Fastai);
        options.head = self.convolution.head.or(usual).map(|head| match head {
            HeadName::Linear => HeadConfig::linear(),
            HeadName::Fastai => HeadConfig::fastai(),
        });
        options.zero_init = self.convolution.zero_init;
        options
    }
}

/// The names of the models that can be chosen.
fn models() -> PossibleValuesParser {
    let models = AnyModel::all_named().into_iter();
    let value = |model: NamedModel| PossibleValue::new(model.name()).help(model.about());
    PossibleValuesParser::new(models.map(value))
}

/// Parses a path and makes it absolute.
fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}
