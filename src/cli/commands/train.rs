//! `fastburn train`: trains a model on images and prints the epoch table.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use fastburn::callbacks::{CsvLogger, EpochTable, JsonLogger, Monitor, Notes, SaveModel, StopFlag};
use fastburn::models::{AnyModel, Registry};
use fastburn::{Error, device, printable};
use serde_json::json;

use crate::cli::arguments::checkpoints::{CheckpointOptions, Files, Run};
use crate::cli::arguments::data::{DATA, DataOptions};
use crate::cli::arguments::given::Given;
use crate::cli::arguments::images::{MemoryOptions, UsualFormat};
use crate::cli::arguments::settings::{ScheduleName, Settings};
use crate::cli::learner::{self, ImageLearner, with_learner};
use crate::cli::output::announce::{ImagesInNumbers, announce};
use crate::cli::output::exit::message;
use crate::cli::output::exit::{INTERRUPTED, watch};
use crate::cli::output::phases::Phases;
use crate::cli::output::print::{JsonLines, json_line, say};
use crate::cli::output::progress::{TrainingBars, is_terminal};
use crate::cli::start::Start;

/// The largest value of `--threads`: absurdly many would take minutes to start.
const MOST_THREADS: usize = 4096;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(help = DATA)]
    pub data: PathBuf,
    #[command(flatten)]
    pub options: Options,
}

const EXAMPLES: &str = "\
Examples:
  fastburn train photos --size 64 --epochs 10 --out photos.safetensors
  fastburn train mnist --model mlp --hidden 500 --lr 2e-3
  fastburn train photos --model resnet18 --pretrained --fine-tune --epochs 3
  fastburn train photos --from photos.safetensors --fine-tune
  fastburn train photos --size 64 --checkpoint run
  fastburn train photos --resume run                    resume it after Ctrl-C";

#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    opening: DataOptions,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    memory: MemoryOptions,
    #[command(flatten)]
    checkpoints: CheckpointOptions,
    #[command(flatten)]
    files: Files,
    /// Number of CPU threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Device")]
    threads: Option<NonZeroUsize>,
    /// Print one JSON object per line instead of the table
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Trains on `data`, by default on the bundled digits.
pub fn run(data: Option<&Path>, options: Options, given: &Given) -> Result<ExitCode> {
    if let Some(threads) = options.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .context("cannot start the thread pool")?;
    }
    let mut run =
        Run::begin(&options.checkpoints, options.settings.clone(), &options.files, given)?;
    let found = device::find(&run.settings.device)?;
    let device = found.open()?;
    // A run is resumed on the same device, even if `auto` means another one by then.
    run.settings.device.clone_from(&found.name);
    // A checkpoint has the weights and the architecture: the file of --from may be gone.
    let start = match &run.model {
        Some(_) => None,
        None => Start::open(&run.settings, &device)?,
    };
    let splits = options.opening.splits(data, run.settings.training.seed)?;
    let saved_format = run.model.as_ref().map(|(_, format)| UsualFormat::Fixed(format));
    let saved_format = saved_format.filter(|_| run.settings.model.start.is_trained());
    let format = saved_format.or(start.as_ref().and_then(Start::format));
    let reading = options.memory.applied(run.settings.images.reading(format)?);
    let (train, valid) = learner::read(&splits, &reading)?;
    run.settings.set_defaults(train.len());
    let (model, transferred) = match &run.model {
        Some((architecture, _)) => {
            let seed = run.settings.training.seed;
            (AnyModel::from_architecture(architecture, &device, seed)?, None)
        }
        None => learner::model(&run.settings, start, &train, &device)?,
    };
    run.record(splits.place(), &train, &valid, &model)?;

    let images = ImagesInNumbers::of(&splits, &train, &valid);
    let learner = learner::learner(&run.settings, model, (train, valid), &device)?;
    let code = with_learner!(learner, learn => {
        announce(&found, &images, learn.model(), &run, options.json)?;
        if let (Some(transferred), false) = (&transferred, options.json) {
            say(format_args!("{transferred}"));
        }
        fit(learn, run, &options)?
    });
    if data.is_none() && !options.json && code == ExitCode::SUCCESS {
        say(format_args!("{NEXT}"));
    }
    Ok(code)
}

/// Suggestions after a first run.
const NEXT: &str = "\n\
    Next:\n  \
    fastburn --model linear    a single layer, for comparison\n  \
    fastburn train FOLDER      your own images, one sub-folder per class\n  \
    fastburn devices           the available compute devices\n  \
    fastburn --help            all commands and options";

fn fit<T: Clone + Send + 'static>(
    learn: ImageLearner<T>,
    run: Run,
    options: &Options,
) -> Result<ExitCode> {
    let Run { settings, checkpoint, saved, files, .. } = run;
    let training = &settings.training;
    let interrupted = watch()?;
    let mut learn = learn.callback(StopFlag::new(interrupted.clone()));
    if is_terminal() {
        learn = learn.callback(TrainingBars::default());
    }
    learn = if options.json {
        learn.callback(JsonLines::default())
    } else {
        learn.callback(EpochTable::stdout()).callback(Notes::new(std::io::stderr()))
    };
    if settings.fine_tune().is_some() {
        learn.set_number_epochs_through(true);
        if !options.json {
            learn.add_callback(Phases);
        }
    }
    learn = match &files.log {
        Some(file) if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) => {
            learn.callback(CsvLogger::new(file))
        }
        Some(file) => learn.callback(JsonLogger::new(file)),
        None => learn,
    };
    let best = files.out.as_ref().filter(|_| training.save_best);
    if let Some(file) = best {
        // The best model of both phases, if there are two.
        let monitor = Monitor::default().reset_on_fit(false);
        learn = learn.callback(SaveModel::best(file).monitor(monitor));
    }
    if let Some(checkpoint) = checkpoint {
        learn = learn.callback(checkpoint);
    }
    if let Some(saved) = &saved {
        learn.resume(saved)?;
    }
    train(&mut learn, &settings).map_err(|error| match (error, &files.out) {
        // A log or a model file failed, not the training.
        (error @ (Error::Write { .. } | Error::Read { .. } | Error::File { .. }), Some(file)) => {
            rescue(&learn, file, error)
        }
        (error, _) => error.into(),
    })?;

    let (history, rows, epochs) = (learn.history(), learn.rows(), training.epochs.get());
    // Fine-tuning has two fits, of which the first one has at least one row.
    let in_last_fit = settings.fine_tune().is_none() || rows.len() < history.epochs.len();
    let is_validated = rows.last().is_some_and(|row| row.valid_loss.is_some());
    if !learn.is_interrupted() || in_last_fit && rows.len() == epochs && is_validated {
        // `SaveModel` has written the best model already.
        if let (Some(file), None) = (&files.out, best) {
            learn.export(file).map_err(|error| rescue(&learn, file, error))?;
        }
        end(
            if rows.len() < epochs { "early stop" } else { "done" },
            files.out.as_deref(),
            options.json,
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    // `SaveModel` has written the best model so far, if an epoch was validated.
    let best = best.filter(|_| history.epochs.iter().any(|row| row.valid_loss.is_some()));
    end("interrupted", best.map(PathBuf::as_path), options.json)?;
    if let Some(step) = history.steps.last() {
        let (batch, epoch) = (step.batch, step.epoch);
        say(format_args!("interrupted after batch {batch} of epoch {epoch}"));
    }
    match options.checkpoints.folder() {
        Some(folder) => say(format_args!("resume with --resume {}", folder.display())),
        None if best.is_none() => {
            say(format_args!("nothing was saved; use --checkpoint to be able to resume"));
        }
        None => {}
    }
    Ok(ExitCode::from(INTERRUPTED))
}

/// Trains along the schedule of the settings, or fine-tunes.
fn train<T: Clone + Send + 'static>(
    learn: &mut ImageLearner<T>,
    settings: &Settings,
) -> fastburn::Result<()> {
    let (epochs, lr) = (settings.training.epochs.get(), settings.lr());
    if let Some(fine_tune) = settings.fine_tune() {
        return learn.fine_tune_with(epochs, fine_tune);
    }
    match settings.training.schedule {
        ScheduleName::Constant => learn.fit(epochs, lr),
        ScheduleName::OneCycle => learn.fit_one_cycle(epochs, lr),
        ScheduleName::FlatCos => learn.fit_flat_cos(epochs, lr),
    }
}

/// Saves a model that could not be written to `file`: in the same folder, the current one, or the
/// one for temporary files. Returns the error, with the new path if that succeeded.
fn rescue<T>(learn: &ImageLearner<T>, file: &Path, error: Error) -> anyhow::Error
where
    T: Clone + Send + 'static,
{
    let folders =
        [file.parent().map(Path::to_path_buf), Some(".".into()), Some(std::env::temp_dir())];
    let name = format!("rescued-{}.safetensors", std::process::id());
    for place in folders.into_iter().flatten().map(|folder| folder.join(&name)) {
        if !place.exists() && learn.export(&place).is_ok() {
            let place = printable(&place.display().to_string());
            return anyhow!("{}; the model was saved as {place}", message(&error));
        }
    }
    error.into()
}

/// Reports how training ended, and where the model is.
fn end(reason: &str, out: Option<&Path>, as_json: bool) -> Result<()> {
    if as_json {
        let out = out.map(|file| file.display().to_string());
        json_line(&json!({ "event": "end", "reason": reason, "out": out }))?;
    }
    if let Some(file) = out {
        say(format_args!("model file {}", printable(&file.display().to_string())));
    }
    Ok(())
}

/// Parses a number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= MOST_THREADS);
    threads.ok_or_else(|| format!("expected 1 to {MOST_THREADS}"))
}
