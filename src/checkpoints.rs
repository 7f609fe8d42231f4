//! A folder of checkpoints: each a whole file that proves itself, one run at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::history::History;
use crate::sealed::{self, Kind};
use crate::whole_file;

/// How a checkpoint calls itself, and the form that is written here.
const CHECKPOINT: Kind = Kind { name: "checkpoint", format_version: 1 };
/// The two things in it that are Burn's own records.
const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";

/// The file that a run holds locked.
const LOCK: &str = "lock";
/// What the checkpoints' names are made of, around the number of steps.
const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

/// How many of the newest checkpoints stay, unless told otherwise.
const KEEP: usize = 2;

/// A folder of checkpoints, locked for the run that has it open.
///
/// ```
/// use fastburn::CheckpointFolder;
/// use fastburn::learner::Checkpoint;
/// use fastburn::prelude::*;
///
/// let place = tempfile::tempdir().unwrap();
/// let device = device::cpu()?;
/// let learner = |folder| -> fastburn::Result<_> {
///     let dls = Splits::digits()?.loaders(64, 42, &device)?;
///     let model = LinearConfig::new(784, 10).init(&device, 42)?;
///     Ok(Learner::new(dls, model, cross_entropy).callback(Checkpoint::new(folder)))
/// };
/// let folder = CheckpointFolder::create(place.path())?;
/// assert!(CheckpointFolder::open(place.path()).is_err()); // in use
/// learner(folder)?.fit(1, 1e-3)?;
///
/// // Later, in another process:
/// let folder = CheckpointFolder::open(place.path())?;
/// let saved = folder.newest()?;
/// let mut learn = learner(folder)?;
/// learn.resume(&saved)?;
/// learn.fit(2, 1e-3)?; // the second epoch alone
/// assert_eq!(learn.history().epochs.len(), 2);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
    keep: usize,
    /// Locked until this is dropped, or the process is gone.
    _lock: File,
}

/// A checkpoint as it was read.
#[derive(Debug)]
pub struct Saved {
    pub(crate) file: String,
    pub(crate) progress: Progress,
    model: Vec<u8>,
    optimizer: Vec<u8>,
    damaged: Vec<Error>,
}

/// Where a run was, but for weights and the optimizer's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// What the run was told, in its program's own words.
    pub settings: Value,
    /// The data: changed data cannot be gone on with.
    pub data: Value,
    /// How many calls of `fit` were over before this one.
    pub fit: usize,
    /// Whether this one is over as well.
    pub finished: bool,
    /// What this call was given.
    pub epochs: usize,
    pub given_lr: f64,
    /// The epoch to go on with, and its first batch that is not trained.
    pub epoch: usize,
    pub batch: usize,
    /// The number of the epoch's order: how many epochs all calls of `fit` trained before it.
    pub order: usize,
    /// How many batches this call has trained.
    pub trained: usize,
    pub lr: f64,
    /// The average that the smoothed loss comes from, and of how many.
    pub average: f64,
    pub count: i32,
    /// How many epochs' rows are of earlier calls of `fit`.
    pub earlier_rows: usize,
    pub history: History,
    /// What the callbacks remember, by their names, in their order.
    pub callbacks: Vec<(String, Value)>,
}

impl CheckpointFolder {
    /// A folder for a new run; it is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it has checkpoints already or another run has it open,
    /// [`Error::Write`] if it cannot be written to.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(Error::write(path))?;
        let folder = Self::lock(path)?;
        match folder.steps()?.last() {
            None => Ok(folder),
            Some(_) => Err(folder.error(
                "it has the checkpoints of a run already; resume that run, or name another folder",
            )),
        }
    }

    /// The folder of a run that is to go on.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it has no checkpoint or another run has it open, [`Error::Read`] and
    /// [`Error::Write`] if it cannot be read or written to.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !fs::metadata(path).map_err(Error::read(path))?.is_dir() {
            let (file, problem) = (path.display().to_string(), "not a folder".to_owned());
            return Err(Error::File { file, problem });
        }
        let folder = Self::lock(path)?;
        match folder.steps()?.last() {
            Some(_) => Ok(folder),
            None => Err(folder.error("no checkpoint in it; start the run without resuming")),
        }
    }

    /// Another number of checkpoints to keep beside the best one; at least 1.
    pub fn keep(mut self, keep: usize) -> Self {
        self.keep = keep.max(1);
        self
    }

    /// The newest checkpoint that is whole.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if none is.
    pub fn newest(&self) -> Result<Saved> {
        let mut damaged = Vec::new();
        for step in self.steps()?.into_iter().rev() {
            match Saved::read(&self.file(step)) {
                Ok(saved) => return Ok(Saved { damaged, ..saved }),
                Err(error) => damaged.push(error),
            }
        }
        let all: Vec<_> = damaged.iter().map(Error::to_string).collect();
        Err(self.error(&format!("no whole checkpoint in it: {}", all.join("; "))))
    }

    /// Writes a checkpoint, and then removes those that are neither the best nor among the newest.
    pub(crate) fn write(
        &self,
        progress: &Progress,
        model: ModuleRecord,
        optimizer: OptimizerRecord,
    ) -> Result<()> {
        let step = progress.history.steps.len();
        let file = self.file(step);
        let failed = |reason: &dyn std::fmt::Display| {
            Error::write(&file)(std::io::Error::other(reason.to_string()))
        };
        let about = serde_json::to_value(progress).map_err(|error| failed(&error))?;
        let model = model.into_bytes().map_err(|error| failed(&error))?;
        let optimizer = optimizer.into_bytes().map_err(|error| failed(&error))?;
        let tensors = [(MODEL, &model), (OPTIMIZER, &optimizer)].map(|(name, bytes)| {
            let bytes: &[u8] = bytes;
            (name.to_owned(), (Dtype::U8, vec![bytes.len()], bytes))
        });
        let bytes = sealed::seal(CHECKPOINT, about, &BTreeMap::from(tensors))?;
        whole_file::write(&file, &bytes)?;
        self.prune(step, &progress.history)
    }

    /// Removes what is neither the newest, up to `step`, nor the best.
    ///
    /// The checkpoint of `step` has just been written. One of a later step is from a run that went
    /// on from before it, since it was damaged.
    fn prune(&self, step: usize, history: &History) -> Result<()> {
        let steps = self.steps()?;
        let newest = steps.iter().rev().filter(|&&other| other <= step).take(self.keep);
        let mut kept: BTreeSet<usize> = newest.copied().collect();
        kept.extend(history.best_epoch().map(|row| row.steps));
        for old in steps.into_iter().filter(|old| !kept.contains(old)) {
            let file = self.file(old);
            fs::remove_file(&file).map_err(Error::write(&file))?;
        }
        Ok(())
    }

    fn lock(path: &Path) -> Result<Self> {
        let lock = path.join(LOCK);
        let file = File::options().create(true).append(true).open(&lock);
        let file = file.map_err(Error::write(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = "another run has it open; let that one end, or name another folder";
                let file = path.display().to_string();
                return Err(Error::File { file, problem: problem.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(Error::write(&lock)(error)),
        }
        whole_file::remove_unfinished(path)?;
        Ok(Self { path: path.to_path_buf(), keep: KEEP, _lock: file })
    }

    /// The steps that there are checkpoints of, in order.
    fn steps(&self) -> Result<BTreeSet<usize>> {
        let mut steps = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(Error::read(&self.path))? {
            let name = entry.map_err(Error::read(&self.path))?.file_name();
            let step = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            let step = step.and_then(|name| name.strip_suffix(SUFFIX));
            steps.extend(step.and_then(|step| step.parse::<usize>().ok()));
        }
        Ok(steps)
    }

    fn file(&self, step: usize) -> PathBuf {
        self.path.join(format!("{PREFIX}{step:08}{SUFFIX}"))
    }

    fn error(&self, problem: &str) -> Error {
        Error::File { file: self.path.display().to_string(), problem: problem.to_owned() }
    }
}

impl Saved {
    /// What the run was told, as its program put it into
    /// [`Checkpoint::settings`](crate::learner::Checkpoint::settings).
    pub fn settings(&self) -> &Value {
        &self.progress.settings
    }

    /// How many steps the run had trained.
    pub fn steps(&self) -> usize {
        self.progress.history.steps.len()
    }

    /// What had been recorded.
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// The newer checkpoints that were passed over, and why.
    pub fn damaged(&self) -> &[Error] {
        &self.damaged
    }

    fn read(path: &Path) -> Result<Self> {
        let bytes = sealed::read(CHECKPOINT, path)?;
        let file = path.display().to_string();
        let sealed = sealed::open(CHECKPOINT, &file, &bytes)?;
        let failed = |problem: String| Error::File { file: file.clone(), problem };
        let progress = serde_json::from_value(sealed.about)
            .map_err(|error| failed(format!("not a checkpoint that can be used: {error}")))?;
        let part = |name| {
            let part = sealed.tensors.tensor(name).map_err(|error| failed(error.to_string()))?;
            Ok(part.data().to_vec())
        };
        let (model, optimizer) = (part(MODEL)?, part(OPTIMIZER)?);
        Ok(Self { progress, model, optimizer, damaged: Vec::new(), file: file.clone() })
    }

    pub(crate) fn model(&self) -> Result<ModuleRecord> {
        let bytes = Bytes::from_bytes_vec(self.model.clone());
        ModuleRecord::from_bytes(bytes).map_err(|error| self.error(&error))
    }

    pub(crate) fn optimizer(&self) -> Result<OptimizerRecord> {
        let bytes = Bytes::from_bytes_vec(self.optimizer.clone());
        OptimizerRecord::from_bytes(bytes).map_err(|error| self.error(&error))
    }

    /// An error about this checkpoint.
    pub(crate) fn error(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::File { file: self.file.clone(), problem: problem.to_string() }
    }
}
