//! Early stopping.

use serde_json::{Value, json};

use super::monitor::Monitor;
use crate::error::Result;
use crate::learner::{Callback, Flow, Scope, State, Stop, Task};

/// Ends the fit once a value has not improved for some epochs: fastai's `EarlyStoppingCallback`.
///
/// ```
/// use fastburn::callbacks::{EarlyStopping, Monitor};
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let stopping = EarlyStopping::patience(2).monitor(Monitor::new("accuracy").min_delta(0.02));
/// let mut learn =
///     Learner::new(dls, model, CrossEntropy::new()).metric(accuracy()).callback(stopping);
/// learn.fit(50, 3e-3)?;
/// assert!(learn.history().epochs.len() < 20);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    /// The number of epochs without improvement, after `best_epoch`.
    wait: usize,
    best_epoch: Option<usize>,
}

impl EarlyStopping {
    /// Stops after `epochs` epochs without a lower validation loss; 0 counts as 1.
    pub fn patience(epochs: usize) -> Self {
        Self { monitor: Monitor::default(), patience: epochs.max(1), wait: 0, best_epoch: None }
    }

    /// Sets the monitored value (default: the validation loss).
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }
}

impl<T: Task> Callback<T> for EarlyStopping {
    /// After the other callbacks with a monitor, so that they see the last epoch too.
    fn order(&self) -> i32 {
        63
    }

    fn name(&self) -> &'static str {
        "EarlyStopping"
    }

    fn save(&self) -> Value {
        json!({ "best": self.monitor.save(), "wait": self.wait, "best_epoch": self.best_epoch })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        self.monitor.restore(&saved["best"]);
        self.wait = saved["wait"].as_u64().unwrap_or_default() as usize;
        self.best_epoch = saved["best_epoch"].as_u64().map(|epoch| epoch as usize);
        Ok(())
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        (self.wait, self.best_epoch) = (0, None);
        Ok(self.monitor.begin(state)?)
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        match self.monitor.improves(state)? {
            None => return Ok(()),
            Some(true) => (self.wait, self.best_epoch) = (0, Some(state.epoch_number())),
            Some(false) => self.wait += 1,
        }
        if self.wait < self.patience {
            return Ok(());
        }
        state.notes.push(match self.best_epoch {
            Some(epoch) => format!("No improvement since epoch {epoch}: early stopping"),
            None => format!("{} was always NaN: early stopping", self.monitor.name()),
        });
        Err(Stop::Cancel(Scope::Fit))
    }
}
