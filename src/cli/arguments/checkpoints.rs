//! Options to save checkpoints and to resume a run.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::{CheckpointFolder, SavedRun};
use fastburn::models::{AnyModel, Architecture, Registry};
use fastburn::vision::{ImageSpec, Images};
use fastburn::{Error, device, printable};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::given::Given;
use super::model::ModelArguments;
use super::settings::Settings;
use super::values::{count, log_file, model_file, writable};
use crate::cli::output::print::say;

/// The model file of `--save-best` without `--out`.
const BEST: &str = "best.safetensors";
/// The settings that `--force` may change in a resumed run.
const MAY_CHANGE: [&str; 3] = ["epochs", "lr", "device"];

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Checkpoints")]
pub struct CheckpointOptions {
    /// Save checkpoints in FOLDER, after each epoch and on Ctrl-C
    #[arg(long, value_name = "FOLDER", group = "checkpoints")]
    checkpoint: Option<PathBuf>,
    /// Resume from the newest checkpoint in FOLDER, with the settings of that run
    #[arg(long, value_name = "FOLDER", group = "checkpoints")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    when: WhenToSave,
    /// Let --resume change --epochs, --lr or --device
    #[arg(long, requires = "resume", conflicts_with = "checkpoint")]
    force: bool,
}

/// The files of a run other than checkpoints; a resumed run continues with the same ones.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Output")]
pub struct Files {
    /// Save the trained model to FILE (.safetensors)
    #[arg(long, value_name = "FILE", value_parser = model_file)]
    pub out: Option<PathBuf>,
    /// Write one line per epoch to FILE (.csv or .jsonl)
    #[arg(long, value_name = "FILE", value_parser = log_file)]
    pub log: Option<PathBuf>,
}

/// When to save checkpoints, and which to keep; a resumed run keeps these options.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Checkpoints")]
struct WhenToSave {
    /// Also save a checkpoint every N steps
    #[arg(long, value_parser = count, value_name = "N", requires = "checkpoints")]
    every_steps: Option<NonZeroUsize>,
    /// Also save a checkpoint every N seconds
    #[arg(long, value_name = "N", requires = "checkpoints")]
    every_seconds: Option<NonZeroU64>,
    /// Keep the N newest checkpoints, and the best one
    #[arg(long, value_parser = count, default_value = "2", value_name = "N", requires = "checkpoints")]
    keep: NonZeroUsize,
}

/// A run that is about to start or resume.
pub struct Run {
    pub settings: Settings,
    pub saved: Option<SavedRun>,
    pub checkpoint: Option<Checkpoint>,
    pub files: Files,
    /// The model and image format of a resumed run, if its checkpoints hold them.
    pub model: Option<(Architecture, ImageSpec)>,
    when: WhenToSave,
}

/// The program's own part of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct RunRecord {
    settings: Map<String, Value>,
    #[serde(default)]
    files: Files,
    when: WhenToSave,
    /// Where the images came from.
    data: String,
    /// The checksums of both parts; checkpoints of an older version lack them.
    #[serde(default)]
    contents: Option<[u32; 2]>,
    /// The model and its image format, with which a resumed run does not need the file of `--from`;
    /// checkpoints of an older version lack them.
    #[serde(default)]
    model: Option<(Architecture, ImageSpec)>,
}

impl CheckpointOptions {
    /// Returns the folder for checkpoints, if there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }
}

impl Run {
    /// Opens the checkpoint folder; a resumed run keeps its settings, except those that are forced.
    /// Fails if options conflict, before any file is read.
    pub fn begin(
        options: &CheckpointOptions,
        settings: Settings,
        files: &Files,
        given: &Given,
    ) -> Result<Self> {
        // What a resumed run is given may rely on its saved settings.
        if options.resume.is_none() {
            settings.check(given)?;
        }
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
        // Resolves aliases such as `auto`: the checkpoint has the full name of its device.
        if given.contains("device") {
            self.settings.device = device::find(&self.settings.device)?.name;
        }
        let record = record(&saved)?;
        if let Some(model) = record.settings.get("model").and_then(Value::as_str) {
            // Otherwise an option would be compared with a default that the run had no use for.
            ModelArguments::check_options(model, given)?;
        }
        self.settings = merged_settings(&self.settings, record.settings, given, force)?;
        self.settings.check(given)?;
        if let (true, Some(best), Some(now)) =
            (self.settings.training.save_best, &record.files.out, &self.files.out)
            && best != now
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

    /// Checks that the images are those of the resumed run, and adds their checksums, their source
    /// `place` and the model to the checkpoints to come.
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
                say(format_args!("resume  images not verified: the checkpoint has no checksums"));
            } else if record.contents != contents {
                let (place, before) = (place.to_owned(), record.data);
                let problem =
                    format!("not the images of the resumed run, which came from {before}");
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
                model: Some((model.architecture()?, train.format().clone())),
            };
            self.checkpoint = Some(checkpoint.settings(serde_json::to_value(record)?));
        }
        Ok(())
    }
}

impl Files {
    /// Returns the files with absolute paths.
    fn absolute(&self) -> Result<Self> {
        let absolute = |file: &Option<PathBuf>| file.as_ref().map(std::path::absolute).transpose();
        Ok(Self { out: absolute(&self.out)?, log: absolute(&self.log)? })
    }

    /// Fails if a resumed run can no longer write one of its files.
    fn check(&self) -> Result<()> {
        for file in self.out.iter().chain(&self.log) {
            let with_path = |problem| anyhow!("{}: {problem}", file.display());
            writable(file.clone()).map_err(with_path)?;
        }
        Ok(())
    }
}

/// Reads the program's own part of a checkpoint.
fn record(saved: &SavedRun) -> Result<RunRecord> {
    serde_json::from_value(saved.settings().clone()).map_err(|error| {
        let (file, problem) =
            (saved.file().to_owned(), format!("not a checkpoint of this program ({error})"));
        Error::File { file, problem, remedy: None }.into()
    })
}

/// Returns the saved run's settings with the changes that the command line may make.
fn merged_settings(
    now: &Settings,
    mut merged: Map<String, Value>,
    given: &Given,
    force: bool,
) -> Result<Settings> {
    let now = serde_json::to_value(now)?;
    for (name, value) in now.as_object().into_iter().flatten() {
        let before = merged.get(name).unwrap_or(&Value::Null);
        if !given.contains(name) || before == value {
            continue;
        }
        if !(force && MAY_CHANGE.contains(&name.as_str())) {
            return Err(differs(name, before, value).into());
        }
        merged.insert(name.clone(), value.clone());
    }
    Ok(serde_json::from_value(merged.into())?)
}

fn differs(name: &str, before: &Value, now: &Value) -> Error {
    let text = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let option = name.replace('_', "-");
    let remedy = if MAY_CHANGE.contains(&name) {
        "leave it out, or add --force"
    } else {
        "leave it out, since it cannot change within a run"
    };
    let problem = match now {
        Value::Bool(_) => format!("the resumed run was started without --{option}"),
        now => {
            let (now, before) = (text(now), text(before));
            format!("--{option} {now} differs from the resumed run, which has {before}")
        }
    };
    Error::Usage { problem, remedy: Some(remedy.into()) }
}
