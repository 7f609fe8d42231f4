//! `fastburn summary`: what `train` with these options would train.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::data::{DataLoaders, Splits, class_indices, one_hot};
use fastburn::device;
use fastburn::loss::{cross_entropy, mnist_loss};
use fastburn::metrics::{accuracy, one_hot_accuracy};

use super::settings::{LossName, Settings};
use super::{bars, train};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder, .tgz or .tar of images; the digits that the program brings along unless given
    data: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let settings = &arguments.settings;
    let device = device::named(&settings.device)?;
    let splits = match &arguments.data {
        Some(path) => Splits::open(path, settings.seed)?,
        None => Splits::digits()?,
    };
    let (train, valid) = bars::while_decoding(|progress| splits.decode(progress))?;
    let architecture = settings.architecture(&train);
    let model = architecture.init(&device, settings.seed)?;
    let mut summary = match settings.loss {
        LossName::CrossEntropy => {
            let dls = DataLoaders::from_images(train, valid, class_indices, &device);
            train::learner(dls, model, cross_entropy, accuracy(), settings)?.summary()?
        }
        LossName::Mnist => {
            let dls = DataLoaders::from_images(train, valid, one_hot, &device);
            train::learner(dls, model, mnist_loss, one_hot_accuracy(), settings)?.summary()?
        }
    };
    summary.model = architecture.to_string();
    let mut out = stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&summary)?)?,
        false => writeln!(out, "{summary}")?,
    }
    Ok(ExitCode::SUCCESS)
}
