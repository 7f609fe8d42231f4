//! Whether a learner can continue a saved run: what the result of a run depends on.

use serde_json::{Map, Value, json};

use super::builder::Learner;
use super::task::Task;
use crate::checkpoints::{EventState, RunPosition};
use crate::error::{Error, Result};

/// The parts of a learner that [`set_data`](Learner::set_data) may change between two fits.
const DATA: [&str; 5] = [
    "number of training items",
    "number of validation items",
    "batch size",
    "order",
    "augmentation of the training items",
];

impl<T: Task> Learner<T> {
    /// Returns what a run's result depends on, except the model and the arguments of `fit`.
    pub(super) fn made_of(&self) -> Map<String, Value> {
        let state = &self.state;
        let (train, valid) = (&state.dls.train, &state.dls.valid);
        let metrics = state.metrics.iter().map(|metric| named(metric.name(), metric.config()));
        let metrics: Vec<_> = metrics.collect();
        let mut order = json!({ "seed": train.shuffle_seed(), "batches": train.len() });
        if let Some(weights) = train.weights_fingerprint() {
            order["weights"] = weights.into();
        }
        let data = [
            json!(train.items()),
            json!(valid.items()),
            json!(train.items_per_batch()),
            order,
            train.source_config(),
        ];
        let others = [
            ("optimizer", state.optimizer_description()),
            ("loss", named(self.loss_name(), self.state.loss_function.config())),
            ("list of metrics", json!(metrics)),
        ];
        let parts = DATA.into_iter().zip(data).chain(others);
        parts.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns how this learner differs from that of a saved run, or `None`. Before the fit that
    /// was interrupted, the data may still be replaced; `fit` is the number of fits so far.
    pub(super) fn difference_at(&self, fit: usize, saved: &RunPosition) -> Option<String> {
        let may_change = |name: &str| fit < saved.fit && DATA.contains(&name);
        let differs = |(name, now): (String, Value)| {
            let before = saved.made_of.get(&name).unwrap_or(&Value::Null);
            (!is_same(before, &now) && !may_change(&name)).then(|| {
                format!("different {name}: {before} in the checkpoint, {now} in this learner")
            })
        };
        self.made_of().into_iter().find_map(differs)
    }

    /// Checks that the stateful callbacks are those of the resumed run.
    pub(super) fn check_callbacks(&self, resumed: &EventState) -> Result<()> {
        let names = |event_state: &EventState| {
            let mut names: Vec<_> =
                event_state.callbacks.iter().map(|(name, _)| name.clone()).collect();
            names.sort();
            names.join(", ")
        };
        let (before, now) = (names(resumed), names(&self.event_state()));
        if before != now {
            let expected = format!("{before}, as in the resumed run");
            return Err(Error::setting("stateful callbacks", now, expected));
        }
        Ok(())
    }
}

/// Returns whether two parts are the same. Older checkpoints hold only the names of losses and
/// metrics.
fn is_same(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Array(before), Value::Array(now)) => {
            before.len() == now.len() && before.iter().zip(now).all(|(b, n)| is_same(b, n))
        }
        (Value::String(name), Value::Object(now)) => now.get("name") == Some(&json!(name)),
        _ => before == now,
    }
}

/// Returns a name and settings as JSON: the name alone without settings, as in older checkpoints.
fn named(name: &str, config: Value) -> Value {
    if config.is_null() { name.into() } else { json!({ "name": name, "config": config }) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_same;

    #[test]
    fn a_name_in_an_older_checkpoint_is_that_of_a_part_with_settings() {
        let now = json!({ "name": "precision", "config": { "average": "macro" } });
        assert!(is_same(&json!("precision"), &now) && is_same(&now, &now));
        assert!(!is_same(&json!("recall"), &now));
        assert!(is_same(&json!(["accuracy", "precision"]), &json!(["accuracy", now])));
        assert!(!is_same(&json!(["precision"]), &json!([now, now])));
        let other = json!({ "name": "precision", "config": { "average": "micro" } });
        assert!(!is_same(&other, &now));
    }
}
