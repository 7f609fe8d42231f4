//! Checkpoints during a fit, and stopping it from outside.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checkpoints::{CheckpointFolder, CheckpointRequest};
use crate::learner::{Callback, Flow, Scope, State, Stop, Task};
use crate::optim::UNNAMED;

/// Writes a checkpoint after each epoch, and more often on request, so that
/// [`Learner::resume`](crate::learner::Learner::resume) can continue a run that was killed.
///
/// When a [`StopFlag`](super::StopFlag) ends the fit, a checkpoint is written at that batch. If a
/// checkpoint cannot be written, the fit ends with that error, and the earlier checkpoints remain.
/// [`CheckpointFolder`] shows an example.
#[derive(Debug)]
pub struct Checkpoint {
    folder: Arc<CheckpointFolder>,
    settings: Arc<Value>,
    every_steps: Option<NonZeroUsize>,
    every: Option<Duration>,
    /// When the first batch after the last checkpoint ended.
    last: Option<Instant>,
    /// Whether a checkpoint is due, and waits for the end of gradient accumulation.
    overdue: bool,
    /// Whether the checkpoint of an interrupted fit has been requested.
    stopped: bool,
    /// False in a validation pass outside a fit, which cannot be resumed.
    in_fit: bool,
}

impl Checkpoint {
    /// Writes a checkpoint into `folder` after each epoch.
    pub fn new(folder: CheckpointFolder) -> Self {
        Self {
            folder: Arc::new(folder),
            settings: Arc::default(),
            every_steps: None,
            every: None,
            last: None,
            overdue: false,
            stopped: false,
            in_fit: false,
        }
    }

    /// Also writes a checkpoint every `steps` training batches of a fit.
    pub fn every_steps(mut self, steps: NonZeroUsize) -> Self {
        self.every_steps = Some(steps);
        self
    }

    /// Also writes a checkpoint once `time` has passed since the last one.
    pub fn every(mut self, time: Duration) -> Self {
        self.every = Some(time);
        self
    }

    /// Stores the settings of the run, which
    /// [`SavedRun::settings`](crate::checkpoints::SavedRun::settings) returns when it is resumed.
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = Arc::new(settings);
        self
    }

    fn request(&mut self, finished: bool, epoch: usize, batch: usize) -> Option<CheckpointRequest> {
        // Cleared rather than set to now: the time to write the checkpoint does not count.
        (self.last, self.overdue) = (None, false);
        let (folder, settings) = (self.folder.clone(), self.settings.clone());
        Some(CheckpointRequest { folder, settings, finished, epoch, batch })
    }
}

impl<T: Task> Callback<T> for Checkpoint {
    /// After the callbacks that may end the fit.
    fn order(&self) -> i32 {
        90
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        (self.in_fit, self.stopped, self.overdue, self.last) = (true, false, false, None);
        // The checkpoint of the fit before repeats the end of that fit, in which a `SaveModel` reads
        // its file. Before this fit writes that file, the run must be able to resume without.
        let is_later = state.rows().len() < state.history.epochs.len();
        if is_later && state.epoch < state.epochs && !state.interrupted {
            state.checkpoint = self.request(false, state.epoch, 0);
        }
        Ok(())
    }

    fn before_train(&mut self, state: &mut State<T>) -> Flow {
        if state.epoch == 0 && state.optimizer_name() == UNNAMED {
            let note = "Checkpoints cannot tell this optimizer of Burn's from another: name it with \
                        AnyOptimizer::burn";
            state.notes.push(note.to_owned());
        }
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        let last = *self.last.get_or_insert_with(Instant::now);
        let by_time = self.every.is_some_and(|time| last.elapsed() >= time);
        let trained = state.trained + 1;
        let by_steps = self.every_steps.is_some_and(|steps| trained.is_multiple_of(steps.get()));
        self.overdue |= state.training && by_steps || by_time || state.interrupted;
        if self.in_fit && self.overdue && !state.accumulating && !state.failed {
            self.stopped = state.interrupted;
            // A validation pass is not resumed midway: it is repeated from its start.
            let all = state.dls.train.len();
            let batch = if state.training { state.batch_index + 1 } else { all };
            state.checkpoint = self.request(false, state.epoch, batch);
        }
        Ok(())
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        // After the last epoch, `after_fit` requests the checkpoint.
        let continues = state.interrupted || state.epoch + 1 < state.epochs;
        if continues && !self.stopped && !state.failed {
            self.stopped = state.interrupted;
            state.checkpoint = self.request(false, state.epoch + 1, 0);
        }
        Ok(())
    }

    fn after_fit(&mut self, state: &mut State<T>) -> Flow {
        self.in_fit = false;
        // A resumed fit that had already finished has nothing new to save.
        let has_run = state.epoch < state.epochs;
        if has_run && !state.interrupted && !state.failed {
            state.checkpoint = self.request(true, state.epoch + 1, 0);
        }
        Ok(())
    }
}

/// Ends the fit after the current step once the flag is set, for example by a signal handler,
/// another thread or a button.
///
/// A [`Checkpoint`](super::Checkpoint) then saves the position, from which the run can be resumed.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::AtomicBool;
/// use fastburn::callbacks::StopFlag;
///
/// let flag = Arc::new(AtomicBool::new(false));
/// let callback = StopFlag::new(flag.clone());
/// ```
#[derive(Debug, Clone)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Watches `flag`.
    pub fn new(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

impl StopFlag {
    fn check<T: Task>(&self, state: &mut State<T>) -> Flow {
        // Accumulated gradients would be lost.
        if self.0.load(Ordering::Relaxed) && !state.accumulating {
            state.interrupted = true;
            return Err(Stop::Cancel(Scope::Fit));
        }
        Ok(())
    }
}

impl<T: Task> Callback<T> for StopFlag {
    /// Prevents a later call of `fit` from starting while the flag is set.
    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        self.check(state)
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        self.check(state)
    }
}
