//! The history of a run, as plain values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The recorded epochs and steps of all calls of `fit`.
///
/// ```
/// use fastburn::records::History;
///
/// let history = History::default();
/// assert!(history.epochs.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The metrics' names, in the order of each epoch's values.
    pub metric_names: Vec<String>,
    /// One record per epoch.
    pub epochs: Vec<EpochRecord>,
    /// One record per training step.
    pub steps: Vec<StepRecord>,
}

impl History {
    /// Returns the first epoch with the lowest validation loss; `None` if no epoch was validated.
    ///
    /// ```
    /// let history: fastburn::records::History = serde_json::from_str(
    ///     r#"{"metric_names": [], "steps": [], "epochs": [
    ///         {"epoch": 0, "train_loss": 2.0, "valid_loss": 0.5, "metrics": [], "seconds": 1.0, "steps": 9},
    ///         {"epoch": 1, "train_loss": 1.0, "valid_loss": 0.7, "metrics": [], "seconds": 1.0, "steps": 18}
    ///     ]}"#,
    /// )
    /// .unwrap();
    /// assert_eq!(history.best_epoch().unwrap().epoch, 0);
    /// ```
    pub fn best_epoch(&self) -> Option<&EpochRecord> {
        let validated = self.epochs.iter().filter_map(|row| Some((row.valid_loss?, row)));
        validated.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, row)| row)
    }
}

/// One row of the epoch table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 0 in each call of `fit` unless epochs are numbered through.
    pub epoch: usize,
    /// The smoothed training loss at the epoch's end; `None` if no batch was trained.
    pub train_loss: Option<f64>,
    /// The mean loss over the validation set; `None` if the epoch was not validated.
    pub valid_loss: Option<f64>,
    /// The metrics over the validation set; empty if the epoch was not validated.
    #[serde(with = "nonfinite")]
    pub metrics: Vec<f64>,
    /// The duration of the epoch, in seconds.
    pub seconds: f64,
    /// The number of training steps in the history at the epoch's end.
    pub steps: usize,
}

impl EpochRecord {
    /// Returns the result of the validation; `None` if the epoch was not validated.
    pub(crate) fn validation(&self) -> Option<Validation> {
        self.valid_loss.map(|loss| Validation { loss, metrics: self.metrics.clone() })
    }

    /// Returns the row as a JSON object whose `metrics` are keyed by name.
    ///
    /// ```
    /// let row: fastburn::records::EpochRecord = serde_json::from_str(
    ///     r#"{"epoch": 0, "train_loss": 2.0, "valid_loss": 0.5, "metrics": [0.9], "seconds": 1.0, "steps": 9}"#,
    /// )
    /// .unwrap();
    /// assert_eq!(row.named(&["accuracy".to_owned()])["metrics"]["accuracy"], 0.9);
    /// ```
    pub fn named(&self, metric_names: &[String]) -> Value {
        let values = self.metrics.iter().map(|&value| json!(value));
        let metrics: Map<_, _> = metric_names.iter().cloned().zip(values).collect();
        json!({
            "epoch": self.epoch,
            "train_loss": self.train_loss,
            "valid_loss": self.valid_loss,
            "metrics": metrics,
            "seconds": self.seconds,
        })
    }
}

/// One training step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The epoch, from 0 in each call of `fit` unless epochs are numbered through.
    pub epoch: usize,
    /// The batch within the epoch, from 0.
    pub batch: usize,
    /// The learning rate of the step; the last group's if layer groups have their own.
    pub lr: f64,
    /// The momentum of the step, if the optimizer has one.
    #[serde(default)]
    pub momentum: Option<f64>,
    /// The batch's loss.
    pub loss: f32,
    /// The loss, smoothed as in fastai.
    pub smooth_loss: f64,
}

/// The result of a pass over the validation set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The mean loss over the validation set.
    pub loss: f64,
    /// The metrics, in the order in which they were added to the learner.
    #[serde(with = "nonfinite")]
    pub metrics: Vec<f64>,
}

/// Stores NaN and infinities as JSON strings, since JSON has no number for them.
pub(super) mod nonfinite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Text(String),
    }

    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|&value| {
            if value.is_finite() { Number::Finite(value) } else { Number::Text(value.to_string()) }
        }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let numbers =
            Vec::<Number>::deserialize(deserializer)?.into_iter().map(|number| match number {
                Number::Finite(value) => Ok(value),
                Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
            });
        numbers.collect()
    }
}
