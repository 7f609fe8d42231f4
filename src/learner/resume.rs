//! Writing a learner's checkpoints, and resuming from them.
//!
//! A program resumes by repeating its calls of `fit`. Calls that the saved run had completed return
//! at once ([`begin_fit`](Learner::begin_fit)). The interrupted call repeats the events that begin
//! its parts (`before_fit`, `before_epoch`, `before_train`), because a callback may set itself up
//! in them; a schedule, for one, is made in `before_fit`. After these events and before the next
//! batch, the saved state overrides what they did a second time
//! ([`restore_position`](Learner::restore_position)).

use burn::module::Module;

use super::builder::{Attached, Learner};
use super::callback::Scope;
use super::loss_history::Losses;
use super::task::Task;
use crate::checkpoints::{CheckpointRequest, EventState, RunPosition, SavedRun};
use crate::error::{Error, Result};
use crate::records::EpochRecord;

impl<T: Task> Learner<T> {
    /// Restores the state of a saved run, to continue it.
    ///
    /// Build the learner as for the saved run, resume, and then repeat the run's calls of
    /// [`fit`](Self::fit). Completed calls return at once, and the interrupted one continues at its
    /// batch. On a CPU, the weights and the history are identical to those of an uninterrupted run,
    /// except for times. On the same GPU, the weights agree within rounding (a relative error of
    /// 1e-5 in the tests). A stateful callback takes part through
    /// [`Callback::save`](super::Callback::save). Whatever a program computes before a fit, as with
    /// [`lr_find`](Self::lr_find), would start from the restored weights: store the first result.
    /// [`CheckpointFolder`](crate::checkpoints::CheckpointFolder) has an example.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the model, loss, optimizer or metrics differ from the saved run's, or the
    /// data if the run was interrupted in its first fit; [`Error::Device`] if the optimizer is one
    /// of Burn's, whose state Burn loads on its default device, and that is a missing GPU. After an
    /// error, the learner is unchanged.
    ///
    /// Learning rates and numbers of epochs are arguments of `fit` and not compared: keep them in
    /// [`Checkpoint::settings`](crate::callbacks::Checkpoint::settings) if a program takes them
    /// from its user.
    ///
    /// Two of Burn's optimizers are told apart by name only: see
    /// [`AnyOptimizer::burn`](crate::optim::AnyOptimizer::burn). A loss or a metric is told from
    /// another by its name and its [`config`](crate::loss::Loss::config). Data may be replaced
    /// ([`set_data`](Self::set_data)) before the interrupted fit, which compares it. If the program
    /// changes the optimizer or the metrics between fits, build the learner with those of the
    /// interrupted fit.
    ///
    /// Stateful callbacks that differ from the saved run's are an error of [`fit`](Self::fit),
    /// because they may be added for a single fit.
    pub fn resume(&mut self, saved: &SavedRun) -> Result<()> {
        let position = &saved.position;
        // A learner that resumes begins with the first fit again.
        if let Some(problem) = self.difference_at(0, position) {
            return Err(saved.error(&problem));
        }
        let model = self.state.loaded_model(saved.model()?, saved.file())?;
        self.state.optimizer = self.state.loaded_optimizer(saved.optimizer()?)?;
        self.state.model = Some(model);
        self.state.history = position.history.clone();
        let validated = position.history.epochs.last();
        self.state.validation = validated.and_then(EpochRecord::validation);
        self.trained_epochs = position.order;
        (self.fits, self.resumed) = (0, Some(position.clone()));
        self.resumed_file = saved.file().to_owned();
        Ok(())
    }

    /// Prepares the state for a call of `fit`. Returns `false` if the resumed run completed it.
    pub(super) fn begin_fit(&mut self, epochs: usize) -> Result<bool> {
        let state = &mut self.state;
        (state.epochs, state.epoch, state.trained) = (epochs, 0, 0);
        (state.interrupted, state.failed, state.accumulating) = (false, false, false);
        state.chosen = None;
        state.momentum = state.optimizer_config.and_then(|config| config.first_momentum());
        self.given_lr = state.lr;
        let Some(resumed) = &self.resumed else {
            state.earlier_rows = state.history.epochs.len();
            return Ok(true);
        };
        if self.fits < resumed.fit {
            self.fits += 1;
            return Ok(false);
        }
        if let Some(problem) = self.difference_at(self.fits, resumed) {
            return Err(Error::file(&self.resumed_file, problem));
        }
        self.check_callbacks(&resumed.event_state)?;
        let state = &mut self.state;
        let begun = resumed.epoch + usize::from(resumed.batch > 0);
        if epochs < begun {
            let expected = format!("at least {begun}, the number that the resumed run has begun");
            return Err(Error::setting("number of epochs", epochs, expected));
        }
        state.epoch = if resumed.is_over(epochs) { epochs } else { resumed.epoch };
        state.earlier_rows = resumed.earlier_rows;
        Ok(true)
    }

    /// Finishes a call of `fit`, including one that the resumed run had completed.
    pub(super) fn end_fit(&mut self) -> Result<()> {
        if self.state.failed && self.resumed.is_some() {
            // The run was not resumed. It still can be once the cause of the error is removed.
            return Ok(());
        }
        self.fits += 1;
        if let Some((model, validation)) = self.state.chosen.take() {
            (self.state.model, self.state.validation) = (Some(model), validation);
        }
        if self.state.interrupted {
            return Ok(());
        }
        match self.resumed.take() {
            // The events at the end of the completed call were repeated: undo their effects.
            Some(resumed) => self.restore_event_state(&resumed.event_state),
            None => Ok(()),
        }
    }

    /// Restores the position of the resumed run. Returns the first batch to train.
    ///
    /// This comes after the events that begin a part, because it overwrites what the callbacks
    /// change when these events are repeated.
    pub(super) fn restore_position(&mut self, part: Scope) -> Result<usize> {
        let Some(resumed) = self.resumed.take() else { return Ok(0) };
        let is_resumed_epoch = part == Scope::Train && resumed.epoch == self.state.epoch;
        if part != Scope::Fit && !is_resumed_epoch {
            // A validation outside a fit comes before the resumed part, any other part after it.
            self.resumed = Some(resumed).filter(|_| !self.under_way.contains(&Scope::Epoch));
            return Ok(0);
        }
        self.state.losses = Losses::resumed((resumed.average, resumed.count));
        self.state.trained = resumed.trained;
        if let Err(error) = self.restore_event_state(&resumed.event_state) {
            self.resumed = Some(resumed);
            return Err(error);
        }
        // A learning rate that differs from the saved call's replaces the one that it had reached.
        if self.given_lr != resumed.given_lr {
            self.state.lr = self.given_lr;
        }
        let batch = resumed.batch;
        let is_pending = part == Scope::Fit && (batch > 0 || resumed.is_over(self.state.epochs));
        self.resumed = Some(resumed).filter(|_| is_pending);
        Ok(batch)
    }

    pub(super) fn write_checkpoint(&mut self, request: &CheckpointRequest) -> Result<()> {
        if self.resumed.is_some() {
            // An event of the resumed run is repeated: its checkpoint exists.
            return Ok(());
        }
        self.state.read_losses()?;
        self.state.check_weights()?;
        let state = &self.state;
        let (average, count) = state.losses.average();
        let mid_epoch = request.batch > 0;
        // A resumed run repeats the end of the training part, so it needs the state before that.
        let event_state = match &self.at_train_end {
            Some(event_state) if mid_epoch && !state.training => event_state.clone(),
            _ => self.event_state(),
        };
        let position = RunPosition {
            settings: (*request.settings).clone(),
            made_of: self.made_of(),
            fit: self.fits,
            finished: request.finished,
            epochs: state.epochs,
            given_lr: self.given_lr,
            epoch: request.epoch,
            batch: request.batch,
            // An epoch that has begun is counted already, although its order is needed again.
            order: self.trained_epochs - usize::from(mid_epoch),
            trained: state.trained + usize::from(state.training && mid_epoch),
            average,
            count,
            earlier_rows: state.earlier_rows,
            history: state.history.clone(),
            event_state,
        };
        let model = state.model().valid().into_record();
        request.folder.write(position, model, state.optimizer.to_record())
    }

    /// Returns the state that events may change.
    pub(super) fn event_state(&self) -> EventState {
        let callbacks = self.callbacks.iter().map(|attached| &attached.callback);
        let active = callbacks.filter(|c| !self.sweeping || c.affects_steps());
        let callbacks = active.map(|c| (c.name().to_owned(), c.save()));
        let callbacks = callbacks.filter(|(_, value)| !value.is_null()).collect();
        EventState { lr: self.state.lr, momentum: self.state.momentum, callbacks }
    }

    pub(super) fn restore_event_state(&mut self, event_state: &EventState) -> Result<()> {
        (self.state.lr, self.state.momentum) = (event_state.lr, event_state.momentum);
        let mut saved: Vec<_> = event_state.callbacks.iter().collect();
        for Attached { callback, .. } in &mut self.callbacks {
            if let Some(index) = saved.iter().position(|(name, _)| name == callback.name()) {
                callback.restore(&saved.remove(index).1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Int, Tensor};

    use super::*;
    use crate::callbacks::Checkpoint;
    use crate::checkpoints::CheckpointFolder;
    use crate::data::TensorSource;
    use crate::models::{Linear, StateDict};
    use crate::prelude::*;

    /// Interrupts the fit after some training steps.
    struct StopAfter(usize);

    impl<T: Task> Callback<T> for StopAfter {
        fn after_batch(&mut self, state: &mut State<T>) -> Flow {
            self.0 = self.0.saturating_sub(usize::from(state.training));
            state.interrupted = self.0 == 0;
            if state.interrupted { Err(Stop::Cancel(Scope::Fit)) } else { Ok(()) }
        }
    }

    /// A learner with four batches per epoch.
    fn learner() -> Result<Learner<(Linear, Tensor<2>, Tensor<2>)>> {
        let device = device::cpu()?;
        let x = Tensor::<1, Int>::arange(0..8, &device).float().reshape([8, 1]) / 8;
        let source = TensorSource::new(x.clone(), x * 3)?;
        let dls = DataLoaders::new(source.clone(), source, 7).batch_size(2)?;
        Ok(Learner::new(dls, LinearConfig::new(1, 1).init(&device, 1)?, Mse))
    }

    fn fit(learn: &mut Learner<(Linear, Tensor<2>, Tensor<2>)>) -> Result<StateDict> {
        learn.fit_one_cycle(2, 0.1)?;
        if !learn.is_interrupted() {
            learn.fit(1, 0.05)?;
        }
        StateDict::of(learn.model())
    }

    #[test]
    fn a_run_stopped_after_any_step_ends_like_an_unbroken_one() -> Result<()> {
        let mut unbroken = learner()?;
        let expected = fit(&mut unbroken)?;
        for steps in 1..12 {
            let place = tempfile::tempdir().map_err(Error::write("temporary".as_ref()))?;
            let folder = CheckpointFolder::create(place.path())?;
            fit(&mut learner()?.callback(Checkpoint::new(folder)).callback(StopAfter(steps)))?;
            let mut resumed = learner()?;
            resumed.resume(&CheckpointFolder::open(place.path())?.newest()?)?;
            assert_eq!(fit(&mut resumed)?, expected, "after {steps} steps");
            assert_eq!(resumed.history().steps, unbroken.history().steps);
        }
        Ok(())
    }
}
