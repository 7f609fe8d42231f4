//! A monitored column of the epoch table and its best value.

use serde_json::{Value, json};

use crate::checks;
use crate::error::{Error, Result};
use crate::records::EpochRecord;

/// A column of the epoch table that a callback monitors, with its best value so far.
///
/// Smaller is better if the name contains `loss` or `error`, larger otherwise, as in fastai. For
/// other metrics, such as `rmse`, set [`smaller_is_better`](Self::smaller_is_better).
///
/// ```
/// use fastburn::records::EpochRecord;
/// use fastburn::callbacks::Monitor;
///
/// let row = |accuracy| EpochRecord {
///     epoch: 0,
///     train_loss: None,
///     valid_loss: None,
///     metrics: vec![accuracy],
///     seconds: 0.0,
///     steps: 0,
/// };
/// let names = ["accuracy".to_owned()];
/// let mut monitor = Monitor::new("accuracy");
/// assert_eq!(monitor.improves(&row(0.8), &names)?, Some(true));
/// assert_eq!(monitor.improves(&row(0.7), &names)?, Some(false));
/// assert_eq!(monitor.best(), Some(0.8));
/// assert!(Monitor::new("acuracy").improves(&row(0.9), &names).is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    name: String,
    smaller_is_better: bool,
    min_delta: f64,
    best: Option<f64>,
}

impl Monitor {
    /// Monitors `train_loss`, `valid_loss` or a metric.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let smaller_is_better = ["loss", "error"].iter().any(|word| name.contains(word));
        Self { name, smaller_is_better, min_delta: 0.0, best: None }
    }

    /// Sets whether smaller values are better, regardless of the name.
    pub fn smaller_is_better(mut self, smaller_is_better: bool) -> Self {
        self.smaller_is_better = smaller_is_better;
        self
    }

    /// Sets how much better than the best a value must be to count as an improvement (default: 0).
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// Returns the name of the monitored column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the best value since the last [`reset`](Self::reset).
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Forgets the best value.
    pub fn reset(&mut self) {
        self.best = None;
    }

    /// Updates the best value from an epoch's row and returns whether it improved; `None` if the
    /// row has no value, such as `valid_loss` in an epoch without validation.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check).
    pub fn improves(&mut self, row: &EpochRecord, metrics: &[String]) -> Result<Option<bool>> {
        self.check(metrics)?;
        let value = match self.name.as_str() {
            "train_loss" => row.train_loss,
            "valid_loss" => row.valid_loss,
            name => {
                let index = metrics.iter().position(|metric| metric == name);
                index.and_then(|index| row.metrics.get(index)).copied()
            }
        };
        let Some(value) = value else { return Ok(None) };
        let better = match (self.best, self.smaller_is_better) {
            (None, _) => !value.is_nan(),
            (Some(best), true) => value + self.min_delta < best,
            (Some(best), false) => value - self.min_delta > best,
        };
        if better {
            self.best = Some(value);
        }
        Ok(Some(better))
    }

    /// Checks that the column exists and that `min_delta` is valid.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such column, or `min_delta` is negative, NaN or infinite.
    pub fn check(&self, metrics: &[String]) -> Result<()> {
        checks::at_least_zero("min_delta", self.min_delta)?;
        let names = ["train_loss", "valid_loss"].into_iter();
        let names: Vec<_> = names.chain(metrics.iter().map(String::as_str)).collect();
        if names.contains(&self.name.as_str()) {
            Ok(())
        } else {
            let expected = format!("one of {}", names.join(", "));
            Err(Error::setting("metric to monitor", &self.name, expected))
        }
    }

    /// Returns the state for a checkpoint.
    pub(super) fn save(&self) -> Value {
        json!(self.best)
    }

    pub(super) fn restore(&mut self, saved: &Value) {
        self.best = saved.as_f64();
    }
}

impl Default for Monitor {
    /// Monitors the validation loss.
    fn default() -> Self {
        Self::new("valid_loss")
    }
}
