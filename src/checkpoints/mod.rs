//! Checkpoints: files with checksums, in a folder that only one run uses at a time.
//!
//! This module manages the folder: its lock, which checkpoints to keep, and which one is the newest
//! that is intact. A checkpoint itself is a [`SavedRun`].

mod records;
mod saved;
mod saved_learner;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use serde_json::Value;

pub use self::saved::SavedRun;
pub(crate) use self::saved::{EventState, RunPosition};
pub(crate) use self::saved_learner::SavedLearner;
use crate::error::{Error, Result};
use crate::files::{Lock, atomic};

/// The file that a run keeps locked.
const LOCK: &str = "lock";

/// The parts of a checkpoint's file name around the number of steps.
const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

/// The default number of newest checkpoints to keep.
const KEEP: usize = 2;

/// A folder of checkpoints, locked by the run that has it open.
///
/// ```
/// use fastburn::checkpoints::CheckpointFolder;
/// use fastburn::callbacks::Checkpoint;
/// use fastburn::prelude::*;
///
/// let place = tempfile::tempdir().unwrap();
/// let device = device::cpu()?;
/// let learner = |folder| -> fastburn::Result<_> {
///     let dls = Splits::digits()?.loaders(64, 42, &device)?;
///     let model = LinearConfig::new(784, 10).init(&device, 42)?;
///     Ok(Learner::new(dls, model, CrossEntropy::new()).callback(Checkpoint::new(folder)))
/// };
/// let folder = CheckpointFolder::create(place.path())?;
/// assert!(CheckpointFolder::open(place.path()).is_err()); // in use
/// learner(folder)?.fit(1, 1e-3)?;
///
/// // Later, in another process:
/// let mut folder = CheckpointFolder::open(place.path())?;
/// let saved = folder.newest()?;
/// let mut learn = learner(folder)?;
/// learn.resume(&saved)?;
/// learn.fit(2, 1e-3)?; // trains the second epoch only
/// assert_eq!(learn.history().epochs.len(), 2);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
    keep: usize,
    /// The steps whose checkpoints are known to be damaged.
    damaged: BTreeSet<usize>,
    /// Held until this is dropped or the process ends.
    _lock: Lock,
}

impl CheckpointFolder {
    /// Opens a folder for a new run, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it already contains checkpoints or another run has it open,
    /// [`Error::Write`] if it cannot be written to.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(Error::write(path))?;
        let folder = Self::lock(path)?;
        match folder.steps()?.last() {
            None => Ok(folder),
            Some(_) => Err(folder
                .error("already contains checkpoints")
                .with_remedy("resume that run, or use another folder".into())),
        }
    }

    /// Opens the folder of a run to resume.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it contains no checkpoint or another run has it open, [`Error::Read`] if
    /// there is no such folder or it cannot be read, [`Error::Write`] if it cannot be written to.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !fs::metadata(path).map_err(Error::read(path))?.is_dir() {
            return Err(Error::file(path.display(), "not a folder"));
        }
        let folder = Self::lock(path)?;
        match folder.steps()?.last() {
            Some(_) => Ok(folder),
            None => {
                Err(folder.error("contains no checkpoint").with_remedy("start a new run".into()))
            }
        }
    }

    /// Sets how many of the newest checkpoints to keep beside the best one, at least 1; default 2.
    pub fn keep(mut self, keep: usize) -> Self {
        self.keep = keep.max(1);
        self
    }

    /// Returns the newest checkpoint that is intact.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if there is none; [`Error::Read`] and [`Error::Newer`] if the newest one
    /// cannot be read for a reason other than damage.
    pub fn newest(&mut self) -> Result<SavedRun> {
        let mut damaged = Vec::new();
        for step in self.steps()?.into_iter().rev() {
            match SavedRun::read(&self.file(step)) {
                Ok(saved) => return Ok(saved.with_damaged(damaged)),
                Err(error @ Error::File { .. }) => {
                    self.damaged.insert(step);
                    damaged.push(error);
                }
                Err(other) => return Err(other),
            }
        }
        let problems: Vec<_> = damaged.iter().map(Error::to_string).collect();
        Err(self.error(&format!("contains no intact checkpoint: {}", problems.join("; "))))
    }

    /// Writes a checkpoint, then removes those that are neither the best nor among the newest.
    pub(crate) fn write(
        &self,
        position: RunPosition,
        model: ModuleRecord,
        optimizer: OptimizerRecord,
    ) -> Result<()> {
        let step = position.history.steps.len();
        let best = position.history.best_epoch().map(|row| row.steps);
        let file = self.file(step);
        atomic::write(&file, &saved::seal(&file, position, model, optimizer)?)?;
        self.prune(step, best)
    }

    /// Removes the checkpoints that are neither the best nor among the newest.
    ///
    /// The checkpoint of `step` has just been written. One of a later step must be damaged, because
    /// the run would have resumed from an intact one.
    fn prune(&self, step: usize, best: Option<usize>) -> Result<()> {
        let steps = self.steps()?;
        let is_intact = |other: &&usize| **other <= step && !self.damaged.contains(other);
        let mut kept: BTreeSet<_> = steps.iter().rev().filter(is_intact).take(self.keep).collect();
        kept.extend(&best);
        kept.insert(&step);
        for old in steps.iter().filter(|old| !kept.contains(old)) {
            // The new checkpoint is safe: failing to remove an old one is no reason to end the run.
            let _ = fs::remove_file(self.file(*old));
        }
        Ok(())
    }

    fn lock(path: &Path) -> Result<Self> {
        let Some(lock) = Lock::try_take(&path.join(LOCK))? else {
            let remedy = "wait for it to end, or use another folder";
            let error = Error::file(path.display(), "in use by another run");
            return Err(error.with_remedy(remedy.into()));
        };
        let folder =
            Self { path: path.to_path_buf(), keep: KEEP, damaged: BTreeSet::new(), _lock: lock };
        folder.remove_unfinished()?;
        // A folder that is not writable is better detected now than after an epoch.
        tempfile::tempfile_in(path).map_err(|error| Error::write(path)(error.kind().into()))?;
        Ok(folder)
    }

    /// Removes unfinished checkpoints of a killed run. The lock excludes any other run.
    fn remove_unfinished(&self) -> Result<()> {
        let prefix = atomic::temporary_prefix(Path::new(PREFIX));
        for entry in fs::read_dir(&self.path).map_err(Error::read(&self.path))? {
            let entry = entry.map_err(Error::read(&self.path))?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_file(entry.path()).map_err(Error::write(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// Returns the steps that have a checkpoint, in ascending order.
    fn steps(&self) -> Result<BTreeSet<usize>> {
        let mut steps = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(Error::read(&self.path))? {
            let name = entry.map_err(Error::read(&self.path))?.file_name();
            let step = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            let step = step.and_then(|name| name.strip_suffix(SUFFIX));
            let step = step.and_then(|step| step.parse::<usize>().ok());
            // A user's copy may have a name that parses and is not exactly one of ours: ignore it.
            steps.extend(step.filter(|step| self.file(*step).ends_with(&name)));
        }
        Ok(steps)
    }

    fn file(&self, step: usize) -> PathBuf {
        self.path.join(format!("{PREFIX}{step:08}{SUFFIX}"))
    }

    fn error(&self, problem: &str) -> Error {
        Error::file(self.path.display(), problem)
    }
}

/// A checkpoint to be written.
#[derive(Debug)]
pub(crate) struct CheckpointRequest {
    pub folder: Arc<CheckpointFolder>,
    pub settings: Arc<Value>,
    pub finished: bool,
    /// The epoch and the batch to resume from.
    pub epoch: usize,
    pub batch: usize,
}
