//! Evaluation of a trained model on labelled images, shared by the verbs that report on it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use burn::data::dataset::Dataset;
use burn::tensor::Device;
use clap::ValueEnum;
use fastburn::loss::Outputs;
use fastburn::records::Interpretation;
use fastburn::vision::{ImageFolder, Images, Predictor, ReadOptions, Splits};
use fastburn::{Error, device, printable};

use super::data::SplitSeed;
use super::data::{DATA, DataOptions};
use super::images::{BadImageOptions, MemoryOptions};
use super::settings::CpuDevice;
use super::values::count;
use crate::cli::output::print::{say, say_skipped};
use crate::cli::output::progress::while_decoding;

#[derive(Debug, clap::Args)]
pub struct EvaluationOptions {
    /// Model file written by `fastburn train --out`
    model: PathBuf,
    #[arg(help = DATA)]
    data: PathBuf,
    #[command(flatten)]
    opening: DataOptions,
    /// Part of the data to evaluate on
    #[arg(long, value_enum, default_value_t = PartName::Valid, help_heading = "Data")]
    part: PartName,
    #[command(flatten)]
    seed: SplitSeed,
    #[command(flatten)]
    bad: BadImageOptions,
    #[command(flatten)]
    memory: MemoryOptions,
    /// Predict each image N times augmented as in training, after resizing, and once as it is
    #[arg(long, value_parser = count, value_name = "N")]
    tta: Option<NonZeroUsize>,
    #[command(flatten)]
    device: CpuDevice,
    /// Print one JSON object instead of the tables
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartName {
    /// The training images
    Train,
    /// The validation images
    Valid,
    /// All images
    All,
}

/// Labelled images and a model's predictions for them.
pub struct Evaluation {
    pub folder: ImageFolder,
    pub answers: Interpretation,
}

/// Loads a model that classifies images.
pub fn load_classifier(file: &Path, device: &Device) -> Result<Predictor> {
    let predictor = Predictor::load(file, device)?;
    if predictor.card().outputs == Outputs::Values {
        let problem = "the model predicts values, expected one that predicts classes".to_owned();
        let remedy = Some("call the library's `Predictor::values_of_file`".into());
        return Err(Error::File { file: file.display().to_string(), problem, remedy }.into());
    }
    Ok(predictor)
}

/// Evaluates the model on the images.
pub fn evaluate(options: &EvaluationOptions) -> Result<Evaluation> {
    let device = device::open(&options.device.device)?;
    let mut predictor = load_classifier(&options.model, &device)?;
    if let Some(passes) = options.tta {
        predictor = predictor.tta(passes.get())?;
    }
    let (all, folder) = match options.part {
        PartName::All => {
            let all = options.opening.all(&options.data)?;
            (all.len(), all)
        }
        part => {
            let splits = options.opening.splits(Some(&options.data), options.seed.seed)?;
            let Splits { train, valid, .. } = splits;
            (train.len() + valid.len(), if part == PartName::Train { train } else { valid })
        }
    };
    let format = predictor.format();
    let reading = options.memory.applied(options.bad.applied(ReadOptions::like(format)));
    let images = while_decoding(|progress| Images::read(&folder, &reading, progress))?;
    say_skipped(&[&images]);
    let answers = predictor.interpret(&images)?;
    if folder.len() < all {
        // Which images these are may depend on the seed and on the form of DATA.
        let (some, data) = (folder.len(), options.data.display());
        say(format_args!("data    {some} of {all} images in {data}; select others with --part"));
    }
    let (trained_with, measured) = (&predictor.card().loss, predictor.card().outputs.loss_name());
    if let Some(measured) = measured.filter(|measured| trained_with != measured) {
        let trained_with = printable(trained_with);
        say(format_args!("loss    {measured}; the model was trained with {trained_with}"));
    }
    let first = images.folder().image(0)?;
    let (_, adaptation) = format.adapt(&first.pixels, first.shape)?;
    if let Some(adaptation) = adaptation {
        say(format_args!("images  {adaptation}, to fit the model"));
    }
    Ok(Evaluation { folder: images.folder().clone(), answers })
}
