//! Reducing the learning rate on a plateau.

use serde_json::{Value, json};

use super::monitor::Monitor;
use crate::checks;
use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, State, Task};
use crate::printable::short_number;

/// Divides the learning rate once a monitored value has not improved for some epochs: fastai's
/// `ReduceLROnPlateau`. Schedules, which set the rate before each batch, override it.
///
/// ```
/// use fastburn::callbacks::ReduceLrOnPlateau;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let plateau = ReduceLrOnPlateau::patience(1).factor(10.0);
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(plateau);
/// learn.fit(6, 0.3)?; // far too much
/// assert!(learn.history().steps.last().unwrap().lr < 0.1);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReduceLrOnPlateau {
    monitor: Monitor,
    patience: usize,
    factor: f64,
    min_lr: f64,
    wait: usize,
}

impl ReduceLrOnPlateau {
    /// Reduces the rate after `epochs` epochs without a lower validation loss; 0 counts as 1.
    pub fn patience(epochs: usize) -> Self {
        let monitor = Monitor::default();
        Self { monitor, patience: epochs.max(1), factor: 10.0, min_lr: 0.0, wait: 0 }
    }

    /// Sets the monitored value (default: the validation loss).
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Sets the divisor of the learning rate (default: 10).
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the lowest learning rate (default: 0). If layer groups have their own rates, it applies
    /// to that of the last group.
    pub fn min_lr(mut self, min_lr: f64) -> Self {
        self.min_lr = min_lr;
        self
    }
}

impl<T: Task> Callback<T> for ReduceLrOnPlateau {
    fn order(&self) -> i32 {
        62
    }

    fn name(&self) -> &'static str {
        "ReduceLrOnPlateau"
    }

    fn save(&self) -> Value {
        json!({ "best": self.monitor.save(), "wait": self.wait })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        self.monitor.restore(&saved["best"]);
        self.wait = saved["wait"].as_u64().unwrap_or_default() as usize;
        Ok(())
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        if !(self.factor.is_finite() && self.factor > 1.0) {
            let expected = "a number above 1";
            Err(Error::setting(
                "factor of ReduceLrOnPlateau",
                short_number(self.factor),
                expected,
            ))?;
        }
        checks::at_least_zero("min_lr of ReduceLrOnPlateau", self.min_lr)?;
        self.wait = 0;
        Ok(self.monitor.begin(state)?)
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        match self.monitor.improves(state)? {
            None => return Ok(()),
            Some(true) => self.wait = 0,
            Some(false) => self.wait += 1,
        }
        let reduced = (state.lr / self.factor).max(self.min_lr);
        if self.wait >= self.patience {
            self.wait = 0;
            if reduced < state.lr {
                state.lr = reduced;
                state.notes.push(format!(
                    "Epoch {}: reducing lr to {}",
                    state.epoch_number(),
                    short_number(reduced)
                ));
            }
        }
        Ok(())
    }
}
