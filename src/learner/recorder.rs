//! Records losses, learning rates, metrics and times.

use std::time::Instant;

use serde_json::{Value, json};

use super::callback::{Callback, Flow};
use super::loss_history::Losses;
use super::state::State;
use super::task::Task;
use crate::error::Result;
use crate::records::{EpochRecord, Validation};
use crate::scalars::MeanOverBatches;

pub(super) const RECORDER: &str = "Recorder";

/// The callback that fills the history; every learner has it.
///
/// It reads numbers from the device only at the end of a pass.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    epoch_start: Option<Instant>,
    /// The seconds that a resumed epoch took before it was interrupted.
    seconds_before: f64,
    steps_before: usize,
    valid_loss: MeanOverBatches,
}

impl Recorder {
    /// Returns the duration of the epoch so far, in seconds.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.epoch_start.map_or(0.0, |start| start.elapsed().as_secs_f64())
    }
}

impl<T: Task> Callback<T> for Recorder {
    fn order(&self) -> i32 {
        -50
    }

    fn name(&self) -> &'static str {
        RECORDER
    }

    fn save(&self) -> Value {
        json!({ "steps_before": self.steps_before, "seconds": self.seconds() })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        self.steps_before = saved["steps_before"].as_u64().unwrap_or_default() as usize;
        self.seconds_before = saved["seconds"].as_f64().unwrap_or_default();
        self.epoch_start = Some(Instant::now());
        Ok(())
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        state.losses = Losses::default();
        state.history.metric_names = state.metrics.iter().map(|m| m.name().to_owned()).collect();
        Ok(())
    }

    fn before_epoch(&mut self, state: &mut State<T>) -> Flow {
        (self.epoch_start, self.seconds_before) = (Some(Instant::now()), 0.0);
        self.steps_before = state.history.steps.len();
        (state.validation, state.record) = (None, None);
        state.notes.clear();
        Ok(())
    }

    fn before_validate(&mut self, state: &mut State<T>) -> Flow {
        state.validation = None;
        self.valid_loss = MeanOverBatches::default();
        state.metrics.iter_mut().for_each(|metric| metric.reset());
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        // A batch that was cancelled before its loss was computed is not recorded.
        let Some(loss) = state.loss.clone() else { return Ok(()) };
        if state.training {
            let step = state.step_record();
            state.losses.push(loss, step);
            return Ok(());
        }
        let (Some(output), Some(batch)) = (&state.output, &state.batch) else { return Ok(()) };
        for metric in &mut state.metrics {
            metric.update(output.clone(), batch.target.clone(), batch.len)?;
        }
        let weight = state.loss_function.batch_weight(output, &batch.target)?;
        self.valid_loss.push(loss, batch.len, weight);
        Ok(())
    }

    fn after_train(&mut self, state: &mut State<T>) -> Flow {
        state.read_losses()?;
        Ok(())
    }

    fn after_validate(&mut self, state: &mut State<T>) -> Flow {
        let batches = self.valid_loss.batches();
        let (losses, loss) = self.valid_loss.take()?;
        state.valid_losses = losses;
        // A pass that was left early covers only a part of the validation set.
        if batches == 0 || batches < state.batches {
            return Ok(());
        }
        let values = state.metrics.iter_mut().map(|metric| metric.value());
        let metrics = values.collect::<Result<_, _>>()?;
        state.validation = Some(Validation { loss, metrics });
        Ok(())
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        let trained = state.history.steps.len() > self.steps_before;
        let (valid_loss, metrics) = match &state.validation {
            Some(validation) => (Some(validation.loss), validation.metrics.clone()),
            None => (None, Vec::new()),
        };
        if trained || valid_loss.is_some() {
            let record = EpochRecord {
                epoch: state.epoch_number(),
                train_loss: state.losses.smooth().filter(|_| trained),
                valid_loss,
                metrics,
                seconds: self.seconds(),
                steps: state.history.steps.len(),
            };
            state.history.epochs.push(record.clone());
            state.record = Some(record);
        }
        Ok(())
    }
}
