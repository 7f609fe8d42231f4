//! From a learner to a checkpoint, and back.

use serde_json::{Value, json};

use super::callback::Scope;
use super::checkpoint::Wanted;
use super::losses::Losses;
use super::{Learner, Model, placed};
use crate::checkpoints::{Progress, Saved};
use crate::data::DataLoader;
use crate::device;
use crate::error::{Error, Result};

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
    /// unbroken one has.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the model or the data are not those of the saved run,
    /// [`Error::Device`] if the optimizer is one of Burn's and Burn's default device is a GPU that
    /// is not there. On an error the learner is as it was.
    pub fn resume(&mut self, saved: &Saved) -> Result<()> {
        let progress = &saved.progress;
        let data = data_of(&self.state.dls.train);
        if data != progress.data {
            let problem =
                format!("the run trained on {}, this one would train on {data}", progress.data);
            return Err(saved.error(&problem));
        }
        let mut there: Vec<_> = self.callbacks.iter().map(|callback| callback.name()).collect();
        for (name, _) in &progress.callbacks {
            match there.iter().position(|other| other == name) {
                Some(index) => there.remove(index),
                None => {
                    return Err(saved.error(&format!("the run had a {name}, this one has none")));
                }
            };
        }
        if !self.state.own_optimizer && !device::has_default() {
            return Err(Error::Device {
                name: "default".to_owned(),
                problem: "Burn loads the state of its own optimizers on its default device, a GPU \
                          that is not there; set BURN_DEVICE=flex, or use an OptimizerKind"
                    .to_owned(),
            });
        }
        let model = self.state.model().clone().valid();
        let model = model.try_load_record(saved.model()?).map_err(|error| {
            saved.error(&format!("its model is another than this one ({error})"))
        })?;
        let record = saved.optimizer()?;
        let device = &self.state.device;
        let optimizer = placed::on(device, || self.state.optimizer.clone().load_record(record));
        (self.state.model, self.state.optimizer) = (Some(model), optimizer);
        self.state.history = progress.history.clone();
        self.trained_epochs = progress.order;
        (self.fits, self.resumed) = (0, Some(progress.clone()));
        Ok(())
    }

    /// Sets the state up for a call of `fit`; `false` if a resumed run has it behind it.
    pub(super) fn begin_fit(&mut self, epochs: usize, lr: f64) -> bool {
        let state = &mut self.state;
        (state.epochs, state.lr, state.epoch, state.trained) = (epochs, lr, 0, 0);
        (state.interrupted, state.failed) = (false, false);
        self.given_lr = lr;
        match &self.resumed {
            Some(resumed) if self.fits < resumed.fit => {
                self.fits += 1;
                return false;
            }
            Some(resumed) => {
                let over = resumed.finished && epochs <= resumed.epochs;
                state.epoch = if over { epochs } else { resumed.epoch };
                state.earlier_rows = resumed.earlier_rows;
            }
            None => state.earlier_rows = state.history.epochs.len(),
        }
        true
    }

    /// Takes up what the resumed run was at; the first batch to train.
    ///
    /// This comes behind the events that begin a part, so that what callbacks did at those is what
    /// it was.
    pub(super) fn take_up(&mut self, part: Scope) -> Result<usize> {
        if part == Scope::Validate {
            return Ok(0);
        }
        let Some(resumed) = &self.resumed else { return Ok(0) };
        let state = &mut self.state;
        state.losses = Losses::resumed((resumed.average, resumed.count));
        state.trained = resumed.trained;
        // Another learning rate than the run was given is wanted, not the one it had got to.
        if self.given_lr == resumed.given_lr {
            state.lr = resumed.lr;
        }
        let mut remembered: Vec<_> = resumed.callbacks.iter().collect();
        for callback in &mut self.callbacks {
            if let Some(index) = remembered.iter().position(|(name, _)| name == callback.name()) {
                callback.restore(&remembered.remove(index).1)?;
            }
        }
        let batch = resumed.batch;
        if part == Scope::Train || batch == 0 {
            self.resumed = None;
        }
        Ok(batch)
    }

    pub(super) fn write_checkpoint(&mut self, wanted: &Wanted) -> Result<()> {
        self.state.read_losses()?;
        let state = &self.state;
        let (average, count) = state.losses.average();
        let remembered = self.callbacks.iter().map(|c| (c.name().to_owned(), c.save()));
        let progress = Progress {
            settings: (*wanted.settings).clone(),
            data: data_of(&state.dls.train),
            fit: self.fits,
            finished: wanted.finished,
            epochs: state.epochs,
            given_lr: self.given_lr,
            epoch: wanted.epoch,
            batch: wanted.batch,
            // An epoch that is under way has taken its order.
            order: self.trained_epochs - usize::from(wanted.batch > 0),
            trained: state.trained + usize::from(state.training && wanted.batch > 0),
            lr: state.lr,
            average,
            count,
            earlier_rows: state.earlier_rows,
            history: state.history.clone(),
            callbacks: remembered.filter(|(_, value)| !value.is_null()).collect(),
        };
        let model = state.model().valid().into_record();
        wanted.folder.write(&progress, model, state.optimizer.to_record())
    }
}

/// What the order of the training batches depends on.
fn data_of<I, T>(train: &DataLoader<I, T>) -> Value {
    json!({
        "items": train.items(),
        "batch_size": train.items_per_batch(),
        "shuffle": train.shuffled_by(),
    })
}
