//! Runs that leave checkpoints, and runs that go on from one.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use fastburn::data::Images;
use fastburn::learner::Checkpoint;
use fastburn::plot::text::printable;
use fastburn::{CheckpointFolder, Error, Saved, device};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::settings::Settings;
use super::{Given, tell};

/// Where the best weights go unless `--out` says otherwise.
const BEST: &str = "best.safetensors";
/// The settings that may change in the middle of a run.
const MAY_CHANGE: [&str; 3] = ["epochs", "lr", "device"];

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Leave checkpoints in this folder, after each epoch and on Ctrl-C
    #[arg(long, value_name = "FOLDER", group = "checkpoints")]
    checkpoint: Option<PathBuf>,
    /// Go on with the run whose checkpoints are in this folder, with its settings
    #[arg(long, value_name = "FOLDER", group = "checkpoints")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    when: When,
    /// Resume with another number of epochs, learning rate or device than the run had
    #[arg(long, requires = "resume", conflicts_with = "checkpoint")]
    force: bool,
}

/// What a run writes beside checkpoints; a resumed run goes on with the same files.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
pub struct Files {
    /// Save the trained model as one file, .safetensors
    #[arg(long, value_name = "FILE", value_parser = super::model_file)]
    pub out: Option<PathBuf>,
    /// Write a line an epoch into this file, .csv or .jsonl
    #[arg(long, value_name = "FILE", value_parser = super::log_file)]
    pub log: Option<PathBuf>,
}

/// When checkpoints are left, and which stay; a resumed run keeps to it.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
struct When {
    /// Leave one after each that many steps, too
    #[arg(long, value_name = "STEPS", requires = "checkpoints")]
    every_steps: Option<NonZeroUsize>,
    /// Leave one whenever that many seconds have passed, too
    #[arg(long, value_name = "SECONDS", requires = "checkpoints")]
    every_seconds: Option<NonZeroU64>,
    /// How many of the newest checkpoints to keep; the best one stays as well
    #[arg(long, default_value = "2", value_name = "CHECKPOINTS", requires = "checkpoints")]
    keep: NonZeroUsize,
}

/// A run that is about to begin or to go on.
pub struct Run {
    pub settings: Settings,
    pub saved: Option<Saved>,
    pub checkpoint: Option<Checkpoint>,
    pub files: Files,
    when: When,
}

/// What the program tells its checkpoints of a run.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    settings: Map<String, Value>,
    #[serde(default)]
    files: Files,
    when: When,
    /// Where the images are from, and their checksums; an older version had others.
    data: String,
    #[serde(default)]
    contents: Option<[u32; 2]>,
}

impl Options {
    /// Where checkpoints are left, if anywhere.
    pub fn folder(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }
}

impl Run {
    /// Opens the folder; of a run that goes on, the settings that are not given are its own.
    pub fn begin(
        options: &Options,
        settings: Settings,
        files: &Files,
        given: &Given,
    ) -> Result<Self> {
        let (files, when) = (files.absolute()?, options.when.clone());
        let mut run = Self { settings, saved: None, checkpoint: None, files, when };
        if run.settings.save_best && options.resume.is_none() && run.files.out.is_none() {
            let best = super::model_file(BEST).map_err(|problem| anyhow!("{BEST}: {problem}"))?;
            run.files = Files { out: Some(best), ..run.files }.absolute()?;
        }
        let folder = match (&options.checkpoint, &options.resume) {
            (Some(path), _) => CheckpointFolder::create(path)?,
            (None, Some(path)) => {
                let mut folder = CheckpointFolder::open(path)?;
                run.go_on(folder.newest()?, given, options.force)?;
                folder
            }
            (None, None) => return Ok(run),
        };
        let When { every_steps, every_seconds, keep } = run.when;
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

    fn go_on(&mut self, saved: Saved, given: &Given, force: bool) -> Result<()> {
        for damaged in saved.damaged() {
            tell(format_args!("passed over: {}", printable(&damaged.to_string())));
        }
        // The run has its device's own name, this command line perhaps another for it.
        if given.contains("device") {
            self.settings.device = device::find(&self.settings.device)?.name;
        }
        let told = told(&saved)?;
        self.settings = agreed(&self.settings, told.settings, given, force)?;
        if let (true, Some(best), Some(now)) =
            (self.settings.save_best, &told.files.out, &self.files.out)
            && best != now
            && !force
        {
            let [best, now] = [best, now].map(|file| Value::from(file.display().to_string()));
            return Err(differs("out", &best, &now).into());
        }
        self.files = Files {
            out: self.files.out.take().or(told.files.out),
            log: self.files.log.take().or(told.files.log),
        };
        self.files.check()?;
        let When { every_steps, every_seconds, keep } = self.when;
        self.when = When {
            every_steps: every_steps.or(told.when.every_steps),
            every_seconds: every_seconds.or(told.when.every_seconds),
            keep: if given.contains("keep") { keep } else { told.when.keep },
        };
        self.saved = Some(saved);
        Ok(())
    }

    /// Refuses other images than those that the run was trained on, and has checkpoints say which
    /// they are; `place` is where these are from.
    pub fn check_data(&mut self, place: &str, train: &Images, valid: &Images) -> Result<()> {
        if self.saved.is_none() && self.checkpoint.is_none() {
            return Ok(());
        }
        let contents = Some([train.checksum()?, valid.checksum()?]);
        if let Some(saved) = &self.saved {
            let told = told(saved)?;
            if told.contents.is_none() {
                tell(format_args!(
                    "resume  from before images had checksums by their files: \
                                   whether these are the same is not known"
                ));
            } else if told.contents != contents {
                let problem = format!(
                    "other images than those of the run that is to go on, which were from {}",
                    told.data
                );
                return Err(Error::Layout { place: place.to_owned(), problem }.into());
            }
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            let settings = serde_json::to_value(&self.settings)?;
            let settings = settings.as_object().cloned().unwrap_or_default();
            let (files, when) = (self.files.clone(), self.when.clone());
            let told = Told { settings, files, when, data: place.to_owned(), contents };
            self.checkpoint = Some(checkpoint.settings(serde_json::to_value(told)?));
        }
        Ok(())
    }
}

impl Files {
    /// As they are called from any folder.
    fn absolute(&self) -> Result<Self> {
        let absolute = |file: &Option<PathBuf>| file.as_ref().map(std::path::absolute).transpose();
        Ok(Self { out: absolute(&self.out)?, log: absolute(&self.log)? })
    }

    /// Refuses files of a resumed run whose folders are not there any more.
    fn check(&self) -> Result<()> {
        for file in self.out.iter().chain(&self.log) {
            let refused = |problem| anyhow!("{}: {problem}", file.display());
            super::writable(file.clone()).map_err(refused)?;
        }
        Ok(())
    }
}

/// What this program said when it left the checkpoint.
fn told(saved: &Saved) -> Result<Told> {
    serde_json::from_value(saved.settings().clone()).map_err(|error| {
        let problem = format!("not a checkpoint of the program fastburn ({error})");
        Error::File { file: saved.file().to_owned(), problem }.into()
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
    let way_out = match MAY_CHANGE.contains(&name) {
        true => "leave it out, or add --force",
        false => "that cannot change within a run; leave it out",
    };
    let text = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    Error::Setting {
        name: "a setting of the resumed run",
        value: format!("--{} {}", name.replace('_', "-"), text(now)),
        expected: format!("the run has {}; {way_out}", text(before)),
    }
}
