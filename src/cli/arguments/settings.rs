//! The options that affect the result of a run.

use std::num::NonZeroUsize;

use anyhow::Result;
use clap::ValueEnum;
use fastburn::Error;
use fastburn::learner::FineTune;
use fastburn::optim::{OptimizerConfig, OptimizerKind};
use serde::{Deserialize, Serialize};

use super::fine_tuning::FineTuning;
use super::given::Given;
use super::images::ImageOptions;
use super::model::ModelArguments;
use super::values::{count, whole_number};

/// The batch size of data sets that are large enough for it.
const BATCH_SIZE: usize = 64;

/// The settings of a run; checkpoints store them under the names of the options.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    pub images: ImageOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    #[serde(flatten)]
    pub training: TrainingOptions,
    /// Compute device: auto, cpu, or a name from `fastburn devices`
    #[arg(long, default_value = "auto", help_heading = "Device")]
    pub device: String,
}

/// Options for training.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Training")]
pub struct TrainingOptions {
    /// Number of epochs
    #[arg(long, value_parser = count, default_value = "5")]
    pub epochs: NonZeroUsize,
    /// Learning rate, or its peak with a schedule [default: the model's for adam, as `fastburn models`
    /// lists it; 1e-3 with --from, --pretrained or --weights; 2e-3 with --fine-tune]
    #[arg(long, value_parser = learning_rate)]
    lr: Option<f64>,
    /// Batch size [default: 64, or all training images if there are fewer]
    #[arg(long, value_parser = count, value_name = "IMAGES")]
    pub batch_size: Option<NonZeroUsize>,
    /// Learning rate schedule
    #[arg(long, value_enum, default_value_t = ScheduleName::OneCycle)]
    pub schedule: ScheduleName,
    #[command(flatten)]
    #[serde(flatten)]
    pub fine_tuning: FineTuning,
    /// Loss function
    #[arg(long, value_enum, default_value_t = LossName::CrossEntropy)]
    pub loss: LossName,
    /// Optimizer
    #[arg(long, value_enum, default_value_t)]
    optimizer: OptimizerKind,
    /// Momentum, or β₁ in the Adam family [default: 0.9 with momentum, adam, adamw, lamb and lion]
    #[arg(long, value_parser = number)]
    #[serde(default)]
    momentum: Option<f64>,
    /// Weight decay [default: 0.01 with adam and adamw, 0 with the others]
    #[arg(long, value_parser = number, value_name = "RATE")]
    #[serde(default)]
    weight_decay: Option<f64>,
    /// Label smoothing, between 0 and 1, such as 0.1; cross-entropy only
    #[arg(long, value_parser = below_one, value_name = "ε")]
    #[serde(default)]
    pub label_smoothing: Option<f64>,
    /// Balance classes, in the loss or by sampling
    #[arg(long, value_enum)]
    #[serde(default)]
    pub balance: Option<BalanceName>,
    /// Mix training images by MixUp, with this α, such as 0.4
    #[arg(long, value_parser = above_zero, value_name = "α", conflicts_with = "cutmix", help_heading = "Augmentation")]
    #[serde(default)]
    pub mixup: Option<f64>,
    /// Mix training images by CutMix, with this α, such as 1
    #[arg(long, value_parser = above_zero, value_name = "α", help_heading = "Augmentation")]
    #[serde(default)]
    pub cutmix: Option<f64>,
    /// Clip the global gradient norm to NORM
    #[arg(long, value_parser = above_zero, value_name = "NORM")]
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Accumulate gradients over N batches per step
    #[arg(long, value_parser = count, value_name = "N")]
    #[serde(default)]
    pub accumulate: Option<NonZeroUsize>,
    /// Stop after N epochs without a lower validation loss
    #[arg(long, value_parser = count, value_name = "N")]
    #[serde(default)]
    pub early_stop: Option<NonZeroUsize>,
    /// Save the model with the lowest validation loss, to the file of --out or best.safetensors
    #[arg(long)]
    #[serde(default)]
    pub save_best: bool,
    /// Random seed
    #[arg(long, value_parser = whole_number::<u64>, default_value = "42")]
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossName {
    /// Softmax cross-entropy
    CrossEntropy,
    /// mnist_loss of the fastai book: mean distance of each class's sigmoid from 0 or 1
    Mnist,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BalanceName {
    /// Weight both losses by inverse class frequency; cross-entropy only
    Loss,
    /// Sample training images by inverse class frequency, with replacement
    Sampling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleName {
    /// Constant learning rate
    Constant,
    /// fastai's 1cycle: up to the peak, then down to nearly 0
    OneCycle,
    /// Constant for three quarters of training, then a cosine decay
    FlatCos,
}

impl Settings {
    /// Fails if options conflict, or one of those on the command line has no effect.
    pub fn check(&self, given: &Given) -> Result<()> {
        self.model.check(given)?;
        let training = &self.training;
        let conflict = |problem: &str, remedy: &'static str| {
            Err(Error::Usage { problem: problem.to_owned(), remedy: Some(remedy.into()) }.into())
        };
        if training.label_smoothing.is_some() && training.loss != LossName::CrossEntropy {
            return conflict(
                "--loss mnist does not support label smoothing",
                "leave out --label-smoothing",
            );
        }
        if training.balance == Some(BalanceName::Loss) && training.loss == LossName::Mnist {
            return conflict(
                "--loss mnist does not support class weights",
                "use --balance sampling",
            );
        }
        self.optimizer().check()?;
        let fine_tunes = training.fine_tuning.fine_tune;
        if training.momentum.is_some()
            && (fine_tunes || training.schedule == ScheduleName::OneCycle)
        {
            let (option, remedy) = if fine_tunes {
                ("--fine-tune", "leave out --momentum")
            } else {
                ("--schedule one-cycle", "leave out --momentum, or use another --schedule")
            };
            let problem = format!("{option} schedules the momentum, from 0.95 to 0.85 and back");
            return conflict(&problem, remedy);
        }
        if fine_tunes && !self.model.start.is_trained() {
            return conflict(
                "--fine-tune needs a trained model",
                "name its file with --from, or use --pretrained or --weights",
            );
        }
        Ok(())
    }

    /// Sets what has no fixed default, for a number of training images: a resumed run keeps it,
    /// whatever the default is by then.
    pub fn set_defaults(&mut self, images: usize) {
        self.training.batch_size = NonZeroUsize::new(self.batch_size(images));
        self.training.lr = Some(self.lr());
        if let Some(FineTune { freeze_epochs, .. }) = self.fine_tune() {
            self.training.fine_tuning.freeze_epochs = NonZeroUsize::new(freeze_epochs);
        }
    }

    /// Returns the batch size for a number of training images.
    pub fn batch_size(&self, images: usize) -> usize {
        self.training.batch_size.map_or(BATCH_SIZE.min(images), NonZeroUsize::get)
    }

    /// Returns the learning rate.
    pub fn lr(&self) -> f64 {
        let fine_tunes = self.training.fine_tuning.fine_tune;
        let usual = || if fine_tunes { FineTune::default().base_lr } else { self.model.lr() };
        self.training.lr.unwrap_or_else(usual)
    }

    /// Returns the settings of fine-tuning, if a model is fine-tuned.
    pub fn fine_tune(&self) -> Option<FineTune> {
        self.training.fine_tuning.at(self.lr())
    }

    /// Returns the optimizer and its options.
    pub fn optimizer(&self) -> OptimizerConfig {
        let mut config = OptimizerConfig::new(self.training.optimizer);
        if let Some(momentum) = self.training.momentum {
            config = config.momentum(momentum);
        }
        if let Some(rate) = self.training.weight_decay {
            config = config.weight_decay(rate);
        }
        config
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number".to_owned())
}

fn below_one(text: &str) -> Result<f64, String> {
    match number(text)? {
        value if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("expected a number of at least 0 and below 1".to_owned()),
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    match number(text)? {
        value if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn learning_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(lr) if lr.is_finite() && lr >= 0.0 => Ok(lr),
        _ => Err("expected a finite number, at least 0".to_owned()),
    }
}

/// The device to compute on.
#[derive(Debug, Clone, clap::Args)]
pub struct Device {
    /// Compute device: auto, cpu, or a name from `fastburn devices`
    #[arg(long, default_value = "auto", help_heading = "Device")]
    pub device: String,
}

/// The device for short work, which a CPU finishes before a GPU has started.
#[derive(Debug, Clone, clap::Args)]
pub struct CpuDevice {
    /// Compute device: auto, cpu, or a name from `fastburn devices`
    #[arg(long, default_value = "cpu", help_heading = "Device")]
    pub device: String,
}
