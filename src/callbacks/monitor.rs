//! A monitored column of the epoch table and its best value.

use serde_json::{Value, json};

use crate::checks;
use crate::error::{Error, Result};
use crate::learner::{State, Task};

/// The columns of losses.
const LOSSES: [&str; 2] = ["train_loss", "valid_loss"];

/// A column of the epoch table that a callback monitors, with its best value so far.
///
/// Of a loss, smaller values are better. A metric says whether smaller or larger ones are
/// ([`Metric::smaller_is_better`](crate::metrics::Metric::smaller_is_better)); if it does not, the
/// monitor has to, with [`smaller_is_better`](Self::smaller_is_better).
///
/// ```
/// use fastburn::callbacks::Monitor;
/// use fastburn::prelude::*;
///
/// /// Halves the learning rate after each epoch that is not better than the best one.
/// struct Careful(Monitor);
///
/// impl<T: Task> Callback<T> for Careful {
///     fn before_fit(&mut self, state: &mut State<T>) -> Flow {
///         Ok(self.0.begin(state)?)
///     }
///
///     fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
///         if self.0.improves(state)? == Some(false) {
///             state.lr /= 2.0;
///         }
///         Ok(())
///     }
/// }
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
/// learn.with(Careful(Monitor::new("accuracy")), |learn| learn.fit(2, 1e-3))?;
/// assert!(learn.with(Careful(Monitor::new("acuracy")), |learn| learn.fit(1, 1e-3)).is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    name: String,
    /// `None` until the metric has been asked.
    smaller_is_better: Option<bool>,
    min_delta: f64,
    reset_on_fit: bool,
    best: Option<f64>,
}

impl Monitor {
    /// Monitors `train_loss`, `valid_loss` or a metric.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            smaller_is_better: None,
            min_delta: 0.0,
            reset_on_fit: true,
            best: None,
        }
    }

    /// Sets whether smaller values are better, whatever the metric says.
    pub fn smaller_is_better(mut self, smaller_is_better: bool) -> Self {
        self.smaller_is_better = Some(smaller_is_better);
        self
    }

    /// Sets how much better than the best a value must be to count as an improvement (default: 0).
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// Sets whether each call of `fit` begins without a best value (default: `true`), as in fastai.
    /// Otherwise the best value is that of all fits.
    pub fn reset_on_fit(mut self, reset: bool) -> Self {
        self.reset_on_fit = reset;
        self
    }

    /// Returns the name of the monitored column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the best value of this fit, or of all fits without
    /// [`reset_on_fit`](Self::reset_on_fit).
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Forgets the best value, unless [`reset_on_fit`](Self::reset_on_fit) is `false`, and finds the
    /// column: call it in `before_fit`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such column, if neither the metric nor the monitor says
    /// which values are better, or if `min_delta` is negative, NaN or infinite.
    pub fn begin<T: Task>(&mut self, state: &State<T>) -> Result<()> {
        self.best = self.best.filter(|_| !self.reset_on_fit);
        checks::at_least_zero("min_delta", self.min_delta)?;
        let losses = LOSSES.map(|name| (name, Some(true)));
        let metrics = state.metrics().map(|metric| (metric.name(), metric.smaller_is_better()));
        let columns: Vec<_> = losses.into_iter().chain(metrics).collect();
        let Some((_, known)) = columns.iter().find(|(name, _)| *name == self.name) else {
            let names: Vec<_> = columns.into_iter().map(|(name, _)| name).collect();
            let expected = format!("one of {}", names.join(", "));
            return Err(Error::setting("metric to monitor", &self.name, expected));
        };
        self.smaller_is_better = self.smaller_is_better.or(*known);
        match self.smaller_is_better {
            Some(_) => Ok(()),
            None => Err(Error::setting(
                "metric to monitor",
                &self.name,
                "a metric that declares whether smaller values are better",
            )
            .with_remedy("set smaller_is_better of the metric or of the monitor".into())),
        }
    }

    /// Updates the best value from the finished epoch and returns whether it improved: call it in
    /// `after_epoch`. `None` if the epoch has no value, such as `valid_loss` without validation, or
    /// was left early.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] before [`begin`](Self::begin).
    pub fn improves<T: Task>(&mut self, state: &State<T>) -> Result<Option<bool>> {
        let Some(smaller_is_better) = self.smaller_is_better else {
            return Err(Error::usage("Monitor::improves was called before Monitor::begin"));
        };
        let Some(row) = state.completed_record() else { return Ok(None) };
        let value = match self.name.as_str() {
            "train_loss" => row.train_loss,
            "valid_loss" => row.valid_loss,
            name => {
                let index = state.metrics().position(|metric| metric.name() == name);
                index.and_then(|index| row.metrics.get(index)).copied()
            }
        };
        let Some(value) = value else { return Ok(None) };
        let better = match (self.best, smaller_is_better) {
            (None, _) => !value.is_nan(),
            (Some(best), true) => value + self.min_delta < best,
            (Some(best), false) => value - self.min_delta > best,
        };
        if better {
            self.best = Some(value);
        }
        Ok(Some(better))
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
