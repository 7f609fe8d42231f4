//! A number of the epoch table, and whether it gets better.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::printable::short_number;
use crate::records::EpochRecord;

/// A column of the epoch table that a callback watches, with the best of it so far.
///
/// Smaller is better where the name holds `loss` or `error`, larger otherwise, as in fastai;
/// [`smaller_is_better`](Self::smaller_is_better) says so for others, such as `rmse`.
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
    /// Watches `train_loss`, `valid_loss` or a metric.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let smaller_is_better = ["loss", "error"].iter().any(|word| name.contains(word));
        Self { name, smaller_is_better, min_delta: 0.0, best: None }
    }

    /// Whether the best is the smallest, whatever the name.
    pub fn smaller_is_better(mut self, smaller_is_better: bool) -> Self {
        self.smaller_is_better = smaller_is_better;
        self
    }

    /// By how much it must be better than the best to count; 0 unless given.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// What is watched.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The best value since the last [`reset`](Self::reset).
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Forgets the best value.
    pub fn reset(&mut self) {
        self.best = None;
    }

    /// Takes an epoch's row, and says whether it is the best yet; `None` if the row lacks the
    /// number, as that of an epoch that was not validated.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such column.
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

    /// Refuses the name of a column that is not there, and a `min_delta` that is no distance.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if so.
    pub fn check(&self, metrics: &[String]) -> Result<()> {
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            let expected = "a finite number of at least 0";
            return Err(Error::setting("min_delta", short_number(self.min_delta), expected));
        }
        let names = ["train_loss", "valid_loss"].into_iter();
        let names: Vec<_> = names.chain(metrics.iter().map(String::as_str)).collect();
        match names.contains(&self.name.as_str()) {
            true => Ok(()),
            false => {
                let expected = format!("one of {}", names.join(", "));
                Err(Error::setting("metric to monitor", &self.name, expected))
            }
        }
    }

    /// What a checkpoint needs.
    pub(super) fn save(&self) -> Value {
        json!(self.best)
    }

    pub(super) fn restore(&mut self, saved: &Value) {
        self.best = saved.as_f64();
    }
}

impl Default for Monitor {
    /// The validation loss.
    fn default() -> Self {
        Self::new("valid_loss")
    }
}
