//! `fastburn train`: from images to a trained model and the epoch table.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use burn::module::Module;
use fastburn::Saved;
use fastburn::callbacks::{CsvLogger, JsonLogger, Notes, SaveModel};
use fastburn::data::{ImageSpec, Images, Skipped, Splits};
use fastburn::device::{self, DeviceInfo};
use fastburn::learner::{EpochTable, StopFlag};
use fastburn::models::{AnyModel, Portable};
use serde_json::json;

use super::bars::{self, Bars};
use super::checkpoints::{self, Run};
use super::interrupt::{self, INTERRUPTED};
use super::json::{self, JsonLines};
use super::learners::{self, ImageLearner, with_learner};
use super::settings::{ScheduleName, Settings};
use super::{Given, opened, reading, tell};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(help = opened::DATA)]
    pub data: PathBuf,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    opening: opened::Options,
    #[command(flatten)]
    memory: reading::Memory,
    #[command(flatten)]
    checkpoints: checkpoints::Options,
    #[command(flatten)]
    files: checkpoints::Files,
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
    options.settings.check()?;
    let mut run =
        Run::begin(&options.checkpoints, options.settings.clone(), &options.files, given)?;
    let found = device::find(&run.settings.device)?;
    let device = found.open()?;
    // A run that goes on does so on the device that it was on, whatever `auto` means by then.
    run.settings.device.clone_from(&found.name);
    let start = learners::start(&run.settings, &device)?;
    let splits = options.opening.splits(data, run.settings.seed)?;
    let reading = options.memory.applied(run.settings.reading.reading(start.as_ref())?);
    let (train, valid) = learners::read(&splits, &reading)?;
    run.check_data(splits.place(), &train, &valid)?;

    let images = About::of(&splits, &train, &valid);
    let (learner, transferred) = learners::learner(&run.settings, start, (train, valid), &device)?;
    let code = with_learner!(learner, learn => {
        announce(&found, &images, learn.model(), &run, options.json)?;
        if let (Some(transferred), false) = (&transferred, options.json) {
            tell(format_args!("{transferred}"));
        }
        fit(learn, run, &options)?
    });
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
    learn: ImageLearner<T>,
    run: Run,
    options: &Options,
) -> Result<ExitCode> {
    let Run { settings, checkpoint, saved, files, .. } = run;
    let interrupted = interrupt::watch()?;
    let mut learn = learn.callback(StopFlag::new(interrupted.clone()));
    if bars::are_seen() {
        learn = learn.callback(Bars::default());
    }
    learn = match options.json {
        true => learn.callback(JsonLines),
        false => learn.callback(EpochTable::stdout()),
    };
    if !options.json {
        learn = learn.callback(Notes::new(std::io::stderr()));
    }
    learn = match &files.log {
        Some(file) if file.extension().is_some_and(|ending| ending == "csv") => {
            learn.callback(CsvLogger::new(file))
        }
        Some(file) => learn.callback(JsonLogger::new(file)),
        None => learn,
    };
    let best = files.out.as_ref().filter(|_| settings.save_best);
    if let Some(file) = best {
        learn = learn.callback(SaveModel::best(file));
    }
    if let Some(checkpoint) = checkpoint {
        learn = learn.callback(checkpoint);
    }
    if let Some(saved) = &saved {
        learn.resume(saved)?;
    }
    match settings.schedule {
        ScheduleName::Constant => learn.fit(settings.epochs.get(), settings.lr)?,
        ScheduleName::OneCycle => learn.fit_one_cycle(settings.epochs.get(), settings.lr)?,
        ScheduleName::FlatCos => learn.fit_flat_cos(settings.epochs.get(), settings.lr)?,
    }

    let history = learn.history();
    let done = history.epochs.last().map(|row| (row.epoch + 1, row.valid_loss.is_some()));
    if !learn.is_interrupted() || done == Some((settings.epochs.get(), true)) {
        // The best one is there already.
        if let (Some(file), None) = (&files.out, best) {
            learn.export(file)?;
        }
        let early = done.is_some_and(|(epochs, _)| epochs < settings.epochs.get());
        end(if early { "early stop" } else { "done" }, files.out.as_deref(), options.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    // Its best model so far, if there was an epoch to compare.
    let best = best.filter(|_| history.epochs.iter().any(|row| row.valid_loss.is_some()));
    end("interrupted", best.map(PathBuf::as_path), options.json)?;
    if let Some(step) = history.steps.last() {
        let (batch, epoch) = (step.batch, step.epoch);
        tell(format_args!("interrupted after batch {batch} of epoch {epoch}"));
    }
    match options.checkpoints.folder() {
        Some(folder) => tell(format_args!("go on with --resume {}", folder.display())),
        None if best.is_none() => tell(format_args!("nothing was saved; --checkpoint would have")),
        None => {}
    }
    Ok(ExitCode::from(INTERRUPTED))
}

/// Says how the training ended, and where its model is.
fn end(reason: &str, out: Option<&Path>, as_json: bool) -> Result<()> {
    if as_json {
        let out = out.map(|file| file.display().to_string());
        json::line(&json!({ "event": "end", "reason": reason, "out": out }))?;
    }
    if let Some(file) = out {
        tell(format_args!("model file {}", file.display()));
    }
    Ok(())
}

/// What is said of the images.
struct About {
    place: String,
    format: ImageSpec,
    classes: Vec<String>,
    /// How many there are to train and to validate.
    counts: [usize; 2],
    skipped: Vec<Skipped>,
    /// How much they would take in memory, if that is too much.
    streamed: Option<String>,
}

impl About {
    fn of(splits: &Splits, train: &Images, valid: &Images) -> Self {
        Self {
            place: splits.place().to_owned(),
            format: train.format().clone(),
            classes: train.classes().to_vec(),
            counts: [train.len(), valid.len()],
            skipped: [train.skipped(), valid.skipped()].concat(),
            streamed: train.is_streamed().then(|| reading::decoded_size(&[train, valid])),
        }
    }
}

/// Says what is about to happen: the device, the data and the model, a line each.
fn announce(
    device: &DeviceInfo,
    images: &About,
    model: &AnyModel,
    run: &Run,
    as_json: bool,
) -> Result<()> {
    let settings = &run.settings;
    let About { place, format, classes, counts: [of_train, of_valid], skipped, streamed } = images;
    let architecture = model.architecture();
    if as_json {
        let skipped = skipped.iter().map(|s| json!({ "file": s.file, "reason": s.reason }));
        json::line(&json!({
            "event": "start",
            "version": env!("CARGO_PKG_VERSION"),
            "device": device.name,
            "adapter": device.adapter,
            "data": place,
            "train_images": of_train,
            "valid_images": of_valid,
            "image": format.shape(),
            "scaling": format.scaling,
            "streamed": streamed.is_some(),
            "skipped": skipped.collect::<Vec<_>>(),
            "classes": classes,
            "architecture": architecture,
            "parameters": model.num_params(),
            "settings": settings,
            "resumed_steps": run.saved.as_ref().map(Saved::steps),
        }))?;
        return Ok(());
    }
    tell(format_args!("device  {} ({}, {})", device.name, device.kind, device.adapter));
    let streamed = streamed.as_ref().map(|size| format!("; streamed: {size} decoded"));
    tell(format_args!(
        "data    {place}: {of_train} images of {}×{}, {} classes; {of_valid} more to validate{}",
        format.width,
        format.height,
        classes.len(),
        streamed.unwrap_or_default(),
    ));
    let lr = match settings.schedule {
        ScheduleName::Constant => settings.lr.to_string(),
        schedule => format!("{} ({})", settings.lr, schedule.name()),
    };
    let balance = settings.balance.map(|by| format!(" (balanced by {})", by.name()));
    let balance = balance.unwrap_or_default();
    tell(format_args!(
        "model   {architecture}, {} parameters; {}{balance}, {}, lr {}, batches of {}, seed {}",
        model.num_params(),
        settings.loss.name(),
        settings.optimizer().kind(),
        lr,
        settings.batch_size,
        settings.seed,
    ));
    if let Some(saved) = &run.saved {
        let rows = saved.history().epochs.len();
        tell(format_args!("resume  at step {}, after {rows} whole epochs", saved.steps()));
    }
    Ok(())
}
