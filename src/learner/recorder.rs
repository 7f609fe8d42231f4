//! Writes down losses, learning rates, metrics and times.

use std::time::Instant;

use super::callback::{Callback, Flow};
use super::losses::Losses;
use super::state::State;
use crate::history::{EpochRecord, Validation};
use crate::models::Model;
use crate::scalars::{Scalars, weighted_mean};

/// The callback that every learner has: it fills the history.
///
/// During an epoch the numbers stay on the device.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    epoch_start: Option<Instant>,
    trained: bool,
    valid_losses: Scalars,
    valid_items: Vec<usize>,
}

impl<M, I, T> Callback<M, I, T> for Recorder
where
    M: Model<I>,
    T: Clone,
{
    fn order(&self) -> i32 {
        -50
    }

    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        state.losses = Losses::default();
        state.history.metric_names = state.metrics.iter().map(|m| m.name().to_owned()).collect();
        Ok(())
    }

    fn before_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.epoch_start = Some(Instant::now());
        self.trained = false;
        state.validation = None;
        Ok(())
    }

    fn before_validate(&mut self, state: &mut State<M, I, T>) -> Flow {
        state.validation = None;
        self.valid_losses = Scalars::default();
        self.valid_items.clear();
        state.metrics.iter_mut().for_each(|metric| metric.reset());
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        // A batch that was cancelled before it had a loss leaves no trace.
        let Some(loss) = state.loss.clone() else { return Ok(()) };
        if state.training {
            self.trained = true;
            state.losses.push(loss, state.epoch, state.batch_index, state.lr);
            return Ok(());
        }
        let (Some(output), Some(batch)) = (&state.output, &state.batch) else { return Ok(()) };
        for metric in &mut state.metrics {
            metric.update(output.clone(), batch.target.clone(), batch.len)?;
        }
        self.valid_losses.push(loss);
        self.valid_items.push(batch.len);
        Ok(())
    }

    fn after_train(&mut self, state: &mut State<M, I, T>) -> Flow {
        state.read_losses()?;
        Ok(())
    }

    fn after_validate(&mut self, state: &mut State<M, I, T>) -> Flow {
        if self.valid_items.is_empty() {
            return Ok(());
        }
        let loss = weighted_mean(&self.valid_losses.take()?, &self.valid_items);
        let values = state.metrics.iter_mut().map(|metric| metric.value());
        state.validation = Some(Validation { loss, metrics: values.collect::<Result<_, _>>()? });
        Ok(())
    }

    fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let train_loss = self.trained.then(|| state.losses.smooth()).flatten();
        let (valid_loss, metrics) = match &state.validation {
            Some(validation) => (Some(validation.loss), validation.metrics.clone()),
            None => (None, Vec::new()),
        };
        if train_loss.is_some() || valid_loss.is_some() {
            let seconds = self.epoch_start.map_or(0.0, |start| start.elapsed().as_secs_f64());
            let epoch = state.epoch;
            let record = EpochRecord { epoch, train_loss, valid_loss, metrics, seconds };
            state.history.epochs.push(record);
        }
        Ok(())
    }
}
