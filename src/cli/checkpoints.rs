//! Runs that leave checkpoints, and runs that go on from one.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use fastburn::data::Images;
use fastburn::learner::Checkpoint;
use fastburn::{CheckpointFolder, Error, Saved, device};
use serde_json::{Value, json};

use super::settings::Settings;
use super::{Given, tell};

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
    /// Leave one after each that many steps of an epoch, too
    #[arg(long, value_name = "STEPS", requires = "checkpoints")]
    every_steps: Option<NonZeroUsize>,
    /// Leave one whenever that many seconds have passed, too
    #[arg(long, value_name = "SECONDS", requires = "checkpoints")]
    every_seconds: Option<NonZeroU64>,
    /// How many of the newest checkpoints to keep; the best one stays as well
    #[arg(long, default_value = "2", value_name = "CHECKPOINTS", requires = "checkpoints")]
    keep: NonZeroUsize,
    /// Resume with another number of epochs, learning rate or device than the run had
    #[arg(long, requires = "resume")]
    force: bool,
}

/// A run that is about to begin or to go on.
pub struct Run {
    pub settings: Settings,
    pub saved: Option<Saved>,
    pub checkpoint: Option<Checkpoint>,
}

impl Options {
    /// Where checkpoints are left, if anywhere.
    pub fn folder(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }
}

impl Run {
    /// Opens the folder; of a run that goes on, the settings that are not given are its own.
    pub fn begin(options: &Options, settings: Settings, given: &Given) -> Result<Self> {
        let mut run = Self { settings, saved: None, checkpoint: None };
        let folder = match (&options.checkpoint, &options.resume) {
            (Some(path), _) => CheckpointFolder::create(path)?,
            (None, Some(path)) => CheckpointFolder::open(path)?,
            (None, None) => return Ok(run),
        };
        if options.resume.is_some() {
            // The run has its device's own name, this command line perhaps another for it.
            if given.contains("device") {
                run.settings.device = device::find(&run.settings.device)?.name;
            }
            let saved = folder.newest()?;
            for damaged in saved.damaged() {
                tell(format_args!("passed over: {damaged}"));
            }
            run.settings = agreed(&run.settings, &saved, given, options.force)?;
            run.saved = Some(saved);
        }
        let mut checkpoint = Checkpoint::new(folder.keep(options.keep.get()));
        if let Some(steps) = options.every_steps {
            checkpoint = checkpoint.every_steps(steps);
        }
        if let Some(seconds) = options.every_seconds {
            checkpoint = checkpoint.every(Duration::from_secs(seconds.get()));
        }
        run.checkpoint = Some(checkpoint);
        Ok(run)
    }

    /// Refuses other images than those that the run was trained on, and has checkpoints say which
    /// they are.
    pub fn check_data(&mut self, train: &Images, valid: &Images) -> Result<()> {
        let images = json!([train.checksum(), valid.checksum()]);
        if let Some(saved) = &self.saved
            && saved.settings()["images"] != images
        {
            let problem = "other images than those of the run that is to go on; give its own";
            return Err(Error::Layout {
                place: "the data".to_owned(),
                problem: problem.to_owned(),
            })?;
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            let mut told = serde_json::to_value(&self.settings)?;
            told["images"] = images;
            self.checkpoint = Some(checkpoint.settings(told));
        }
        Ok(())
    }
}

/// The saved run's settings, with those changes of the command line that are allowed.
fn agreed(now: &Settings, saved: &Saved, given: &Given, force: bool) -> Result<Settings> {
    let now = serde_json::to_value(now)?;
    let mut agreed = saved.settings().clone();
    for (name, value) in now.as_object().into_iter().flatten() {
        let before = &agreed[name];
        if !given.contains(name) || before == value {
            continue;
        }
        if !(force && MAY_CHANGE.contains(&name.as_str())) {
            return Err(differs(name, before, value))?;
        }
        agreed[name] = value.clone();
    }
    serde_json::from_value(agreed).map_err(|error| {
        let problem = format!("no checkpoint of the program fastburn ({error})");
        Error::File { file: "the checkpoint".to_owned(), problem }.into()
    })
}

fn differs(name: &str, before: &Value, now: &Value) -> Error {
    let way_out = match MAY_CHANGE.contains(&name) {
        true => "leave it out, or add --force",
        false => "that cannot change within a run; leave it out",
    };
    let text = |value: &Value| match value {
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
