//! `fastburn train`: from images to a trained model and the epoch table.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::module::Module;
use burn::tensor::Tensor;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fastburn::Seed;
use fastburn::data::{DataLoaders, Images, Splits, class_indices, one_hot};
use fastburn::device::{self, DeviceInfo};
use fastburn::learner::{EpochTable, Learner, OptimizerKind, StopFlag};
use fastburn::loss::{cross_entropy, mnist_loss};
use fastburn::metrics::{Metric, accuracy, one_hot_accuracy};
use fastburn::models::{Activation, AnyModel, Architecture, Init, LinearConfig, MlpConfig};
use serde_json::json;

use super::bars::{self, Bars};
use super::interrupt::{self, INTERRUPTED};
use super::json::{self, JsonLines};
use super::tell;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder, .tgz or .tar of images: training/ and testing/, train/ and valid/, or the classes
    pub data: PathBuf,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, clap::Args)]
pub struct Options {
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
    loss: LossName,
    /// The optimizer
    #[arg(long, value_parser = optimizers(), default_value = OptimizerKind::Adam.name())]
    optimizer: OptimizerKind,
    /// The learning rate
    #[arg(long, value_parser = learning_rate, default_value = "1e-3", allow_negative_numbers = true)]
    lr: f64,
    /// How often to go through the training images
    #[arg(long, default_value = "5")]
    epochs: NonZeroUsize,
    /// How many images make up a step
    #[arg(long, default_value = "64", value_name = "IMAGES")]
    batch_size: NonZeroUsize,
    /// Where all randomness comes from
    #[arg(long, default_value = "42")]
    seed: u64,
    /// The device: auto, cpu, or a name that `fastburn devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// How many threads compute on the CPU; all cores unless given
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Print one JSON object a line in place of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModelName {
    Linear,
    Mlp,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ActivationName {
    Relu,
    Sigmoid,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum InitName {
    Pytorch,
    Kaiming,
    Normal,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LossName {
    CrossEntropy,
    Mnist,
}

/// Trains on `data`, or on the embedded digits.
pub fn run(data: Option<&Path>, options: &Options) -> Result<ExitCode> {
    if let Some(threads) = options.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .context("cannot start the threads")?;
    }
    // What the command line alone gets wrong is found before any file is read.
    let found = device::find(&options.device)?;
    let device = found.open()?;
    let splits = match data {
        Some(path) => Splits::open(path, options.seed)?,
        None => Splits::digits()?,
    };
    let (train, valid) = bars::while_decoding(|progress| splits.decode(progress))?;

    let architecture = options.architecture(&train);
    let model = architecture.init(&device, options.seed)?;
    announce(&found, &splits, &train, &architecture, &model, options)?;
    let code = match options.loss {
        LossName::CrossEntropy => {
            let dls = DataLoaders::from_images(train, valid, class_indices, &device);
            fit(dls, model, cross_entropy, accuracy(), options)?
        }
        LossName::Mnist => {
            let dls = DataLoaders::from_images(train, valid, one_hot, &device);
            fit(dls, model, mnist_loss, one_hot_accuracy(), options)?
        }
    };
    if data.is_none() && !options.json && code == ExitCode::SUCCESS {
        tell(format_args!("{NEXT}"));
    }
    Ok(code)
}

/// What somebody who has just seen the first table may want.
const NEXT: &str = "\n\
    Next:\n  \
    fastburn --model linear    how far a single layer gets\n  \
    fastburn train FOLDER      your own images, one sub-folder a class\n  \
    fastburn devices           what this build can compute on\n  \
    fastburn --help            everything else";

fn fit<T: Clone + 'static>(
    dls: DataLoaders<Tensor<4>, T>,
    model: AnyModel,
    loss: impl Fn(Tensor<2>, T) -> fastburn::Result<Tensor<1>> + 'static,
    metric: impl Metric<Tensor<2>, T> + 'static,
    options: &Options,
) -> Result<ExitCode> {
    let interrupted = interrupt::watch()?;
    let dls = dls.batch_size(options.batch_size.get())?.shuffle(Seed::new(options.seed));
    let mut learn = Learner::new(dls, model, loss)
        .optimizer(options.optimizer)
        .metric(metric)
        .callback(StopFlag::new(interrupted.clone()));
    if bars::are_seen() {
        learn = learn.callback(Bars::default());
    }
    learn = match options.json {
        true => learn.callback(JsonLines),
        false => learn.callback(EpochTable::stdout()),
    };
    learn.fit(options.epochs.get(), options.lr)?;
    let history = learn.history();
    let done = history.epochs.last().map(|row| (row.epoch + 1, row.valid_loss.is_some()));
    if !interrupted.load(Ordering::Relaxed) || done == Some((options.epochs.get(), true)) {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(step) = history.steps.last() {
        let (batch, epoch) = (step.batch, step.epoch);
        tell(format_args!("interrupted after batch {batch} of epoch {epoch}"));
    }
    Ok(ExitCode::from(INTERRUPTED))
}

/// Says what is about to happen: the device, the data and the model, a line each.
fn announce(
    device: &DeviceInfo,
    splits: &Splits,
    train: &Images,
    architecture: &Architecture,
    model: &AnyModel,
    options: &Options,
) -> Result<()> {
    let [channels, height, width] = train.shape();
    let classes = train.classes().len();
    let (of_train, of_valid) = (splits.train.len(), splits.valid.len());
    if options.json {
        json::line(&json!({
            "event": "start",
            "version": env!("CARGO_PKG_VERSION"),
            "device": device.name,
            "adapter": device.adapter,
            "data": splits.place(),
            "train_images": of_train,
            "valid_images": of_valid,
            "image": [channels, height, width],
            "classes": train.classes(),
            "architecture": architecture,
            "parameters": model.num_params(),
            "loss": options.loss.name(),
            "optimizer": options.optimizer,
            "lr": options.lr,
            "batch_size": options.batch_size,
            "epochs": options.epochs,
            "seed": options.seed,
        }))?;
        return Ok(());
    }
    tell(format_args!("device  {} ({}, {})", device.name, device.kind, device.adapter));
    tell(format_args!(
        "data    {}: {of_train} images of {width}×{height}, {classes} classes; \
         {of_valid} more to validate",
        splits.place()
    ));
    tell(format_args!(
        "model   {architecture}, {} parameters; {}, {}, lr {}, batches of {}, seed {}",
        model.num_params(),
        options.loss.name(),
        options.optimizer,
        options.lr,
        options.batch_size,
        options.seed,
    ));
    Ok(())
}

impl Options {
    fn architecture(&self, images: &Images) -> Architecture {
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
    fn name(self) -> &'static str {
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
