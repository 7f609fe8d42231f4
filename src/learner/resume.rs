//! From a learner to a checkpoint, and back.

use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;
use serde_json::{Map, Value, json};

use super::build::Learner;
use super::callback::Scope;
use super::losses::Losses;
use super::state::State;
use crate::checkpoints::{CheckpointRequest, EventState, RunPosition, SavedRun};
use crate::device;
use crate::error::{Error, Result};
use crate::models::Model;
use crate::optim::load_on;
use crate::records::EpochRecord;
use crate::scalars::Scalars;

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Makes this learner what the saved one was, so that the run goes on.
    ///
    /// Build it as the saved one was built, then resume, then call [`fit`](Self::fit) as before:
    /// calls that the run has behind it return at once, and the one that was under way goes on
    /// from its batch. On a CPU the run ends with the weights and the history, to the bit, that an
    /// unbroken one has; on the same GPU within rounding, 1e-5 of a weight in the tests. A callback
    /// with a memory takes part with [`Callback::save`](super::Callback::save). What a program finds
    /// out before a fit, as [`lr_find`](Self::lr_find) does, it finds out of the weights at hand:
    /// keep what the first run found.
    /// [`CheckpointFolder`](crate::checkpoints::CheckpointFolder) has an example.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if model, data, loss, optimizer or metrics are not those of the saved run;
    /// [`Error::Device`] if the optimizer is one of Burn's, whose state Burn loads on its default
    /// device, and that is a GPU that is not there. On an error the learner is as it was. Other
    /// callbacks with a memory than the saved run had are an error of [`fit`](Self::fit), which may
    /// have some of its own.
    pub fn resume(&mut self, saved: &SavedRun) -> Result<()> {
        let position = &saved.position;
        for (name, now) in self.made_of() {
            let before = position.made_of.get(&name).unwrap_or(&Value::Null);
            if now != *before {
                let problem = format!("another {name}: the run has {before}, this learner {now}");
                return Err(saved.error(&problem));
            }
        }
        if self.state.optimizer_config.is_none() && !device::has_default() {
            let problem = "not there, and Burn loads the state of its own optimizers on it";
            let remedy = "set BURN_DEVICE=flex, or use an OptimizerConfig".into();
            return Err(Error::device("default", problem).with_remedy(remedy));
        }
        let model = self.state.model().clone().valid();
        let model = model.try_load_record(saved.model()?).map_err(|error| {
            saved.error(&format!("its model is another than this one ({error})"))
        })?;
        let record = saved.optimizer()?;
        let device = &self.state.device;
        let optimizer = load_on(device, || self.state.optimizer.clone().load_record(record));
        (self.state.model, self.state.optimizer) = (Some(model), optimizer);
        self.state.history = position.history.clone();
        let validated = position.history.epochs.last();
        self.state.validation = validated.and_then(EpochRecord::validation);
        self.trained_epochs = position.order;
        (self.fits, self.resumed) = (0, Some(position.clone()));
        Ok(())
    }

    /// Sets the state up for a call of `fit`; `false` if a resumed run has it behind it.
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
        self.check_callbacks(&resumed.event_state)?;
        let state = &mut self.state;
        let behind = resumed.epoch + usize::from(resumed.batch > 0);
        if epochs < behind {
            let expected = format!("at least {behind}, which the resumed run has done");
            return Err(Error::setting("number of epochs", epochs, expected));
        }
        state.epoch = if resumed.is_over(epochs) { epochs } else { resumed.epoch };
        state.earlier_rows = resumed.earlier_rows;
        Ok(true)
    }

    /// A call of `fit` is over, whether it trained or the resumed run had it behind it.
    pub(super) fn end_fit(&mut self) -> Result<()> {
        if self.state.failed && self.resumed.is_some() {
            // It could not be taken up, and still can once that is mended.
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
            // Its end was told again.
            Some(resumed) => self.take_back(&resumed.event_state),
            None => Ok(()),
        }
    }

    /// Takes up what the resumed run was at; the first batch to train.
    ///
    /// This comes behind the events that begin a part, so that what callbacks did at those is what
    /// it was.
    pub(super) fn take_up(&mut self, part: Scope) -> Result<usize> {
        let Some(resumed) = self.resumed.take() else { return Ok(0) };
        let of_its_epoch = part == Scope::Train && resumed.epoch == self.state.epoch;
        if part != Scope::Fit && !of_its_epoch {
            // A validation outside of a fit comes before the run goes on, any other part behind it.
            self.resumed = Some(resumed).filter(|_| !self.under_way.contains(&Scope::Epoch));
            return Ok(0);
        }
        self.state.losses = Losses::resumed((resumed.average, resumed.count));
        self.state.trained = resumed.trained;
        if let Err(error) = self.take_back(&resumed.event_state) {
            self.resumed = Some(resumed);
            return Err(error);
        }
        // Another learning rate than the run was given is wanted, not the one that it had got to.
        if self.given_lr != resumed.given_lr {
            self.state.lr = self.given_lr;
        }
        let batch = resumed.batch;
        let goes_on = part == Scope::Fit && (batch > 0 || resumed.is_over(self.state.epochs));
        self.resumed = Some(resumed).filter(|_| goes_on);
        Ok(batch)
    }

    pub(super) fn write_checkpoint(&mut self, wanted: &CheckpointRequest) -> Result<()> {
        self.state.read_losses()?;
        self.check_weights()?;
        let state = &self.state;
        let (average, count) = state.losses.average();
        let mid_epoch = wanted.batch > 0;
        // The end of the training part will be told again.
        let event_state = match &self.at_train_end {
            Some(event_state) if mid_epoch && !state.training => event_state.clone(),
            _ => self.event_state(),
        };
        let position = RunPosition {
            settings: (*wanted.settings).clone(),
            made_of: self.made_of(),
            fit: self.fits,
            finished: wanted.finished,
            epochs: state.epochs,
            given_lr: self.given_lr,
            epoch: wanted.epoch,
            batch: wanted.batch,
            // An epoch that is under way has taken its order.
            order: self.trained_epochs - usize::from(mid_epoch),
            trained: state.trained + usize::from(state.training && mid_epoch),
            average,
            count,
            earlier_rows: state.earlier_rows,
            history: state.history.clone(),
            event_state,
        };
        let model = state.model().valid().into_record();
        wanted.folder.write(position, model, state.optimizer.to_record())
    }

    /// What events may change.
    pub(super) fn event_state(&self) -> EventState {
        let heard = self.callbacks.iter().filter(|c| !self.sweeping || c.changes_steps());
        let callbacks = heard.map(|c| (c.name().to_owned(), c.save()));
        let callbacks = callbacks.filter(|(_, value)| !value.is_null()).collect();
        EventState { lr: self.state.lr, momentum: self.state.momentum, callbacks }
    }

    pub(super) fn take_back(&mut self, event_state: &EventState) -> Result<()> {
        (self.state.lr, self.state.momentum) = (event_state.lr, event_state.momentum);
        let mut saved: Vec<_> = event_state.callbacks.iter().collect();
        for callback in &mut self.callbacks {
            if let Some(index) = saved.iter().position(|(name, _)| name == callback.name()) {
                callback.restore(&saved.remove(index).1)?;
            }
        }
        Ok(())
    }

    /// Refuses callbacks with a memory that the resumed run lacks, and the lack of those it has.
    fn check_callbacks(&self, resumed: &EventState) -> Result<()> {
        let names = |event_state: &EventState| {
            let mut names: Vec<_> =
                event_state.callbacks.iter().map(|(name, _)| name.clone()).collect();
            names.sort();
            names.join(", ")
        };
        let (before, now) = (names(resumed), names(&self.event_state()));
        match before == now {
            true => Ok(()),
            false => Err(Error::setting(
                "callbacks with a state",
                now,
                format!("{before}, as in the resumed run"),
            )),
        }
    }

    /// What a run's result depends on, but for the model and the values of settings.
    fn made_of(&self) -> Map<String, Value> {
        let state = &self.state;
        let (train, valid) = (&state.dls.train, &state.dls.valid);
        let metrics: Vec<_> = state.metrics.iter().map(|metric| metric.name()).collect();
        let mut order = json!({ "seed": train.shuffled_by(), "batches": train.len() });
        if let Some(weights) = train.weighted_by() {
            order["weights"] = weights.into();
        }
        let parts = [
            ("number of training items", json!(train.items())),
            ("number of validation items", json!(valid.items())),
            ("batch size", json!(train.items_per_batch())),
            ("order", order),
            ("optimizer", json!(state.optimizer_config)),
            ("loss", json!(self.loss_name())),
            ("list of metrics", json!(metrics)),
        ];
        parts.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }

    /// Refuses to write ruined weights over whole ones.
    fn check_weights(&self) -> Result<()> {
        let mut sums = ParameterSums::default();
        self.state.model().visit(&mut sums);
        match sums.0.take()?.into_iter().find(|sum| !sum.is_finite()) {
            None => Ok(()),
            Some(loss) => {
                let State { epoch, batch_index: batch, lr, .. } = self.state;
                Err(Error::Diverged { part: "training", loss, epoch, batch, lr })
            }
        }
    }
}

/// The sum of each parameter, which is no finite number if one of its values is none.
#[derive(Default)]
struct ParameterSums(Scalars);

impl ModuleVisitor for ParameterSums {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().inner().sum());
    }
}

impl RunPosition {
    /// Whether a call of `fit` with so many epochs has nothing left to do.
    fn is_over(&self, epochs: usize) -> bool {
        self.finished && epochs <= self.epochs
    }
}
