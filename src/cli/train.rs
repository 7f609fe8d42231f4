//! `fastburn train`: from images to a trained model and the epoch table.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::module::Module;
use burn::tensor::Tensor;
use fastburn::data::{DataLoaders, Images, Splits, class_indices, one_hot};
use fastburn::device::{self, DeviceInfo};
use fastburn::learner::{EpochTable, Learner, StopFlag};
use fastburn::loss::{cross_entropy, mnist_loss};
use fastburn::metrics::{Metric, accuracy, one_hot_accuracy};
use fastburn::models::{AnyModel, Architecture};
use fastburn::{Saved, Seed};
use serde_json::json;

use super::bars::{self, Bars};
use super::checkpoints::{self, Run};
use super::interrupt::{self, INTERRUPTED};
use super::json::{self, JsonLines};
use super::settings::{LossName, Settings};
use super::{Given, tell};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder, .tgz or .tar of images: training/ and testing/, train/ and valid/, or the classes
    pub data: PathBuf,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    checkpoints: checkpoints::Options,
    /// Save the trained model as one file, .safetensors
    #[arg(long, value_name = "FILE", value_parser = super::model_file)]
    out: Option<PathBuf>,
    /// How many threads compute on the CPU; all cores unless given
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Print one JSON object a line in place of the table
    #[arg(long)]
    json: bool,
}

/// Trains on `data`, or on the embedded digits.
pub fn run(data: Option<&Path>, options: Options, given: &Given) -> Result<ExitCode> {
    if let Some(threads) = options.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .context("cannot start the threads")?;
    }
    // What the command line alone gets wrong is found before any file is read.
    let mut run = Run::begin(&options.checkpoints, options.settings.clone(), given)?;
    let found = device::find(&run.settings.device)?;
    let device = found.open()?;
    // A run that goes on does so on the device that it was on, whatever `auto` means by then.
    run.settings.device.clone_from(&found.name);
    let splits = match data {
        Some(path) => Splits::open(path, run.settings.seed)?,
        None => Splits::digits()?,
    };
    let (train, valid) = bars::while_decoding(|progress| splits.decode(progress))?;
    run.check_data(splits.place(), &train, &valid)?;

    let settings = &run.settings;
    let architecture = settings.architecture(&train);
    let model = architecture.init(&device, settings.seed)?;
    announce(&found, &splits, &train, &architecture, &model, &run, options.json)?;
    let code = match settings.loss {
        LossName::CrossEntropy => {
            let dls = DataLoaders::from_images(train, valid, class_indices, &device);
            fit(dls, model, cross_entropy, accuracy(), run, &options)?
        }
        LossName::Mnist => {
            let dls = DataLoaders::from_images(train, valid, one_hot, &device);
            fit(dls, model, mnist_loss, one_hot_accuracy(), run, &options)?
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

/// The learner of these settings, without anything that watches it.
pub fn learner<T: Clone>(
    dls: DataLoaders<Tensor<4>, T>,
    model: AnyModel,
    loss: impl Fn(Tensor<2>, T) -> fastburn::Result<Tensor<1>> + 'static,
    metric: impl Metric<Tensor<2>, T> + 'static,
    settings: &Settings,
) -> fastburn::Result<Learner<AnyModel, Tensor<4>, T>> {
    let dls = dls.batch_size(settings.batch_size.get())?.shuffle(Seed::new(settings.seed));
    Ok(Learner::new(dls, model, loss).optimizer(settings.optimizer).metric(metric))
}

fn fit<T: Clone + 'static>(
    dls: DataLoaders<Tensor<4>, T>,
    model: AnyModel,
    loss: impl Fn(Tensor<2>, T) -> fastburn::Result<Tensor<1>> + 'static,
    metric: impl Metric<Tensor<2>, T> + 'static,
    run: Run,
    options: &Options,
) -> Result<ExitCode> {
    let Run { settings, checkpoint, saved, .. } = run;
    let interrupted = interrupt::watch()?;
    let mut learn =
        learner(dls, model, loss, metric, &settings)?.callback(StopFlag::new(interrupted.clone()));
    if bars::are_seen() {
        learn = learn.callback(Bars::default());
    }
    learn = match options.json {
        true => learn.callback(JsonLines),
        false => learn.callback(EpochTable::stdout()),
    };
    if let Some(checkpoint) = checkpoint {
        learn = learn.callback(checkpoint);
    }
    if let Some(saved) = &saved {
        learn.resume(saved)?;
    }
    learn.fit(settings.epochs.get(), settings.lr)?;

    let history = learn.history();
    let done = history.epochs.last().map(|row| (row.epoch + 1, row.valid_loss.is_some()));
    if !interrupted.load(Ordering::Relaxed) || done == Some((settings.epochs.get(), true)) {
        if let Some(file) = &options.out {
            learn.export(file)?;
            tell(format_args!("model file {}", file.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(step) = history.steps.last() {
        let (batch, epoch) = (step.batch, step.epoch);
        tell(format_args!("interrupted after batch {batch} of epoch {epoch}"));
    }
    if let Some(folder) = options.checkpoints.folder() {
        tell(format_args!("go on with --resume {}", folder.display()));
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
    run: &Run,
    as_json: bool,
) -> Result<()> {
    let settings = &run.settings;
    let [channels, height, width] = train.shape();
    let classes = train.classes().len();
    let (of_train, of_valid) = (splits.train.len(), splits.valid.len());
    if as_json {
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
            "loss": settings.loss.name(),
            "optimizer": settings.optimizer,
            "lr": settings.lr,
            "batch_size": settings.batch_size,
            "epochs": settings.epochs,
            "seed": settings.seed,
            "resumed_steps": run.saved.as_ref().map(Saved::steps),
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
        settings.loss.name(),
        settings.optimizer,
        settings.lr,
        settings.batch_size,
        settings.seed,
    ));
    if let Some(saved) = &run.saved {
        let rows = saved.history().epochs.len();
        tell(format_args!("resume  at step {}, after {rows} whole epochs", saved.steps()));
    }
    Ok(())
}
