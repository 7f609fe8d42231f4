//! Ends a fit from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::callback::{Callback, Flow, Scope, Stop};
use super::state::State;
use crate::models::Model;

/// Ends the fit after the step at hand, once the flag is set: by a signal handler, by another
/// thread, by a button.
///
/// A [`Checkpoint`](super::Checkpoint) then writes where the fit was, to be resumed.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::AtomicBool;
/// use fastburn::learner::StopFlag;
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
