//! Stopping a fit from outside, and saving where it is.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checkpoints::{CheckpointFolder, CheckpointRequest};
use crate::learner::{Callback, Flow, Scope, State, Stop};
use crate::models::Model;

/// Writes a checkpoint after each epoch, and more often where that is asked for, so that a run
/// that was killed goes on with [`Learner::resume`](super::Learner::resume).
///
/// When a [`StopFlag`](super::StopFlag) ends the fit, it writes one at that batch. If one cannot be
/// written, the fit ends with that error, and the earlier ones stay.
/// [`CheckpointFolder`] shows it at work.
#[derive(Debug)]
pub struct Checkpoint {
    folder: Arc<CheckpointFolder>,
    settings: Arc<Value>,
    every_steps: Option<NonZeroUsize>,
    every: Option<Duration>,
    /// When the last one was written, or the first batch since then was over.
    last: Option<Instant>,
    /// Whether one is due, and waits for gradients to be stepped with.
    overdue: bool,
    /// Whether the fit was stopped at a batch, and that is written down.
    stopped: bool,
    /// A validation pass outside of a fit is not to be gone on with.
    in_fit: bool,
}

impl Checkpoint {
    /// After each epoch, into `folder`.
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

    /// After each that many batches of a fit as well.
    pub fn every_steps(mut self, steps: NonZeroUsize) -> Self {
        self.every_steps = Some(steps);
        self
    }

    /// Once that much time has passed since the last one as well.
    pub fn every(mut self, time: Duration) -> Self {
        self.every = Some(time);
        self
    }

    /// What the run was told, for [`SavedRun::settings`](crate::checkpoints::SavedRun::settings) to tell when it is
    /// resumed.
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = Arc::new(settings);
        self
    }

    fn want(&mut self, finished: bool, epoch: usize, batch: usize) -> Option<CheckpointRequest> {
        // To write it takes time as well, which does not count.
        (self.last, self.overdue) = (None, false);
        let (folder, settings) = (self.folder.clone(), self.settings.clone());
        Some(CheckpointRequest { folder, settings, finished, epoch, batch })
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for Checkpoint {
    /// Behind what may end the fit.
    fn order(&self) -> i32 {
        90
    }

    fn before_fit(&mut self, _: &mut State<M, I, T>) -> Flow {
        (self.in_fit, self.stopped, self.overdue, self.last) = (true, false, false, None);
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let last = *self.last.get_or_insert_with(Instant::now);
        let by_time = self.every.is_some_and(|time| last.elapsed() >= time);
        let trained = state.trained + 1;
        let by_steps = self.every_steps.is_some_and(|steps| trained.is_multiple_of(steps.get()));
        self.overdue |= state.training && by_steps || by_time || state.interrupted;
        if self.in_fit && self.overdue && !state.accumulating && !state.failed {
            self.stopped = state.interrupted;
            // What validation has found so far is found again.
            let all = state.dls.train.len();
            let batch = if state.training { state.batch_index + 1 } else { all };
            state.checkpoint = self.want(false, state.epoch, batch);
        }
        Ok(())
    }

    fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        // The last epoch's end is the fit's, which is about to come.
        let more = state.interrupted || state.epoch + 1 < state.epochs;
        if more && !self.stopped && !state.failed {
            self.stopped = state.interrupted;
            state.checkpoint = self.want(false, state.epoch + 1, 0);
        }
        Ok(())
    }

    fn after_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.in_fit = false;
        // A resumed fit that was over already has nothing new to tell.
        let went_on = state.epoch < state.epochs;
        if went_on && !state.interrupted && !state.failed {
            state.checkpoint = self.want(true, state.epoch + 1, 0);
        }
        Ok(())
    }
}

/// Ends the fit after the step at hand, once the flag is set: by a signal handler, by another
/// thread, by a button.
///
/// A [`Checkpoint`](super::Checkpoint) then writes where the fit was, to be resumed.
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
    fn check<M: Model<I>, I, T>(&self, state: &mut State<M, I, T>) -> Flow {
        // Gradients that wait for more would be lost.
        if self.0.load(Ordering::Relaxed) && !state.accumulating {
            state.interrupted = true;
            return Err(Stop::Cancel(Scope::Fit));
        }
        Ok(())
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for StopFlag {
    /// A program's next call of `fit` is not to begin while the flag is set.
    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.check(state)
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.check(state)
    }
}
