//! Runs that leave checkpoints, and runs that are resumed from one.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::{CheckpointFolder, SavedRun};
use fastburn::models::{AnyModel, Architecture, Portable};
use fastburn::vision::{ImageSpec, Images};
use fastburn::{Error, device, printable};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::settings::{Given, Settings};
use super::values::{log_file, model_file, writable};
use crate::cli::output::print::say;

/// Where the best weights go unless `--out` says otherwise.
const BEST: &str = "best.safetensors";
/// The settings that may change in the middle of a run.
const MAY_CHANGE: [&str; 3] = ["epochs", "lr", "device"];

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Checkpoints")]
pub struct CheckpointOptions {
    /// Save checkpoints in FOLDER, after each epoch and on Ctrl-C
    #[arg(long, value_name = "FOLDER", group = "checkpoints")]
    checkpoint: Option<PathBuf>,
    /// Resume the run whose checkpoints are in FOLDER, with its settings
    #[arg(long, value_name = "FOLDER", group = "checkpoints")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    when: WhenToSave,
    /// Resume with other --epochs, --lr or --device than the run had
    #[arg(long, requires = "resume", conflicts_with = "checkpoint")]
    force: bool,
}

/// What a run writes beside checkpoints; a resumed run continues with the same files.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Output")]
pub struct Files {
    /// Save the trained model in FILE, .safetensors
    #[arg(long, value_name = "FILE", value_parser = model_file)]
    pub out: Option<PathBuf>,
    /// Write a line per epoch to FILE, .csv or .jsonl
    #[arg(long, value_name = "FILE", value_parser = log_file)]
    pub log: Option<PathBuf>,
}

/// WhenToSave checkpoints are saved, and which are kept; a resumed run keeps to it.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Checkpoints")]
struct WhenToSave {
    /// Save one every N steps, too
    #[arg(long, value_name = "N", requires = "checkpoints")]
    every_steps: Option<NonZeroUsize>,
    /// Save one every N seconds, too
    #[arg(long, value_name = "N", requires = "checkpoints")]
    every_seconds: Option<NonZeroU64>,
    /// Number of newest checkpoints to keep; the best one is kept as well
    #[arg(long, default_value = "2", value_name = "N", requires = "checkpoints")]
    keep: NonZeroUsize,
}

/// A run that is about to begin or to be resumed.
pub struct Run {
    pub settings: Settings,
    pub saved: Option<SavedRun>,
    pub checkpoint: Option<Checkpoint>,
    pub files: Files,
    /// The model of a resumed run and the format of its images, if its checkpoints say so.
    pub model: Option<(Architecture, ImageSpec)>,
    when: WhenToSave,
}

/// What the program keeps in checkpoints, beside what the library does.
#[derive(Debug, Serialize, Deserialize)]
struct RunRecord {
    settings: Map<String, Value>,
    #[serde(default)]
    files: Files,
    when: WhenToSave,
    /// Where the images are from, and their checksums; an older version had others.
    data: String,
    #[serde(default)]
    contents: Option<[u32; 2]>,
    /// The model and its images' format, so that a resumed run does not need the file that it
    /// started from; an older version left them out.
    #[serde(default)]
    model: Option<(Architecture, ImageSpec)>,
}

impl CheckpointOptions {
    /// Where checkpoints are saved, if anywhere.
    pub fn folder(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }
}

impl Run {
    /// Opens the folder of checkpoints; a resumed run has its own settings, but for those given.
    pub fn begin(
        options: &CheckpointOptions,
        settings: Settings,
        files: &Files,
        given: &Given,
    ) -> Result<Self> {
        let (files, when) = (files.absolute()?, options.when.clone());
        let mut run = Self { settings, saved: None, checkpoint: None, files, model: None, when };
        if run.settings.training.save_best && options.resume.is_none() && run.files.out.is_none() {
            let best = model_file(BEST).map_err(|problem| anyhow!("{BEST}: {problem}"))?;
            run.files = Files { out: Some(best), ..run.files }.absolute()?;
        }
        let folder = match (&options.checkpoint, &options.resume) {
            (Some(path), _) => CheckpointFolder::create(path)?,
            (None, Some(path)) => {
                let mut folder = CheckpointFolder::open(path)?;
                run.resume(folder.newest()?, given, options.force)?;
                folder
            }
            (None, None) => return Ok(run),
        };
        let WhenToSave { every_steps, every_seconds, keep } = run.when;
        let mut checkpoint = Checkpoint::new(folder.keep(keep.get()));
        if let Some(steps) = every_steps {
            checkpoint = checkpoint.every_steps(steps);
        }
        if let Some(seconds) = every_seconds {
            checkpoint = checkpoint.every(Duration::from_secs(seconds.get()));
        }
        run.checkpoint = Some(checkpoint);
        Ok(run)
    }

    fn resume(&mut self, saved: SavedRun, given: &Given, force: bool) -> Result<()> {
        for damaged in saved.damaged() {
            say(format_args!("skipped {}", printable(&damaged.to_string())));
        }
        // The run has its device's own name, this command line perhaps another for it.
        if given.contains("device") {
            self.settings.device = device::find(&self.settings.device)?.name;
        }
        let record = record(&saved)?;
        self.settings = agreed(&self.settings, record.settings, given, force)?;
        if let (true, Some(best), Some(now)) =
            (self.settings.training.save_best, &record.files.out, &self.files.out)
            && best != now
            && !force
        {
            let [best, now] = [best, now].map(|file| Value::from(file.display().to_string()));
            return Err(differs("out", &best, &now).into());
        }
        self.files = Files {
            out: self.files.out.take().or(record.files.out),
            log: self.files.log.take().or(record.files.log),
        };
        self.files.check()?;
        self.model = record.model;
        let WhenToSave { every_steps, every_seconds, keep } = self.when;
        self.when = WhenToSave {
            every_steps: every_steps.or(record.when.every_steps),
            every_seconds: every_seconds.or(record.when.every_seconds),
            keep: if given.contains("keep") { keep } else { record.when.keep },
        };
        self.saved = Some(saved);
        Ok(())
    }

    /// Refuses other images than those that the run was trained on, and has checkpoints hold what
    /// they are and which model is trained on them; `place` is where the images are from.
    pub fn record(
        &mut self,
        place: &str,
        train: &Images,
        valid: &Images,
        model: &AnyModel,
    ) -> Result<()> {
        if self.saved.is_none() && self.checkpoint.is_none() {
            return Ok(());
        }
        let contents = Some([train.checksum()?, valid.checksum()?]);
        if let Some(saved) = &self.saved {
            let record = record(saved)?;
            if record.contents.is_none() {
                say(format_args!(
                    "resume  the checkpoint has no checksums to compare the images with"
                ));
            } else if record.contents != contents {
                let (place, before) = (place.to_owned(), record.data);
                let problem =
                    format!("not the images of the resumed run, which were from {before}");
                return Err(Error::Data { place, problem, remedy: None }.into());
            }
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            let settings = serde_json::to_value(&self.settings)?;
            let record = RunRecord {
                settings: settings.as_object().cloned().unwrap_or_default(),
                files: self.files.clone(),
                when: self.when.clone(),
                data: place.to_owned(),
                contents,
                model: Some((model.architecture(), train.format().clone())),
            };
            self.checkpoint = Some(checkpoint.settings(serde_json::to_value(record)?));
        }
        Ok(())
    }
}

impl Files {
    /// The same with paths that hold from any folder.
    fn absolute(&self) -> Result<Self> {
        let absolute = |file: &Option<PathBuf>| file.as_ref().map(std::path::absolute).transpose();
        Ok(Self { out: absolute(&self.out)?, log: absolute(&self.log)? })
    }

    /// Refuses files of a resumed run whose folders are not there any more.
    fn check(&self) -> Result<()> {
        for file in self.out.iter().chain(&self.log) {
            let refused = |problem| anyhow!("{}: {problem}", file.display());
            writable(file.clone()).map_err(refused)?;
        }
        Ok(())
    }
}

/// What this program kept in a checkpoint.
fn record(saved: &SavedRun) -> Result<RunRecord> {
    serde_json::from_value(saved.settings().clone()).map_err(|error| {
        let (file, problem) = (saved.file().to_owned(), format!("not of this program ({error})"));
        Error::File { file, problem, remedy: None }.into()
    })
}

/// The saved run's settings, with those changes of the command line that are allowed.
fn agreed(
    now: &Settings,
    mut agreed: Map<String, Value>,
    given: &Given,
    force: bool,
) -> Result<Settings> {
    let now = serde_json::to_value(now)?;
    for (name, value) in now.as_object().into_iter().flatten() {
        let before = agreed.get(name).unwrap_or(&Value::Null);
        if !given.contains(name) || before == value {
            continue;
        }
        if !(force && MAY_CHANGE.contains(&name.as_str())) {
            return Err(differs(name, before, value).into());
        }
        agreed.insert(name.clone(), value.clone());
    }
    Ok(serde_json::from_value(agreed.into())?)
}

fn differs(name: &str, before: &Value, now: &Value) -> Error {
    let text = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let (option, before, now) = (name.replace('_', "-"), text(before), text(now));
    let remedy = match MAY_CHANGE.contains(&name) {
        true => "leave it out, or add --force",
        false => "leave it out: it cannot change within a run",
    };
    let problem = format!("--{option} {now} differs from the resumed run, which has {before}");
    Error::Usage { problem, remedy: Some(remedy.into()) }
}
