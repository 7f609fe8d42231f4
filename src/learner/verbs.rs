//! What a learner does: train, validate, predict, and say what came of it.

use super::build::Learner;
use super::callback::{Flow, Scope, Stop};
use super::groups::Rates;
use crate::data::DataLoaders;
use crate::error::{Error, Remedy, Result};
use crate::models::Model;
use crate::records::{History, Validation};

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Trains for a number of epochs and validates after each, at one learning rate, or at one for
    /// each layer group: see [`Rates`].
    ///
    /// A second call goes on where the first ended, with the optimizer's state.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a learning rate or an option of the optimizer is out of its range, no
    /// batch fills up, or a resumed run has more epochs behind it than these or had other callbacks
    /// with a memory; [`Error::Diverged`] if the loss stops being a number; and whatever the data,
    /// the loss, a metric or a callback fails with.
    pub fn fit(&mut self, epochs: usize, lr: impl Into<Rates>) -> Result<()> {
        self.set_rates(lr.into())?;
        self.check_fit()?;
        if !self.begin_fit(epochs)? {
            return Ok(());
        }
        let ran = self.run_fit();
        self.end_fit()?;
        finish(ran)
    }

    /// Refuses what cannot be trained.
    pub(super) fn check_fit(&self) -> Result<()> {
        if let Some(config) = &self.state.optimizer_config {
            config.check()?;
        }
        if self.state.dls.train.is_empty() {
            let (items, full) =
                (self.state.dls.train.items(), self.state.dls.train.items_per_batch());
            let problem = format!("{items} training items do not fill a batch of {full}");
            return Err(Error::usage(problem).with_remedy(Remedy::SmallerBatches));
        }
        Ok(())
    }

    /// The loss and the metrics over the validation set.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the validation set is empty or a callback ended the pass early, and
    /// whatever the data, the loss, a metric or a callback fails with.
    pub fn validate(&mut self) -> Result<Validation> {
        // What ends a fit, such as a stop flag, ends a pass of its own as well.
        self.under_way.push(Scope::Fit);
        let interrupted = self.state.interrupted;
        let flow = self.run_part(Scope::Validate);
        self.state.interrupted = interrupted;
        self.under_way.pop();
        finish(flow)?;
        self.state.validation.clone().ok_or_else(|| {
            let batches = self.state.dls.valid.len();
            Error::setting(
                "number of validation batches",
                batches,
                "at least one, with no callback that skips a batch",
            )
        })
    }

    /// The outputs and the targets of the validation set, batch by batch in its order.
    ///
    /// # Errors
    ///
    /// Whatever the data fails with.
    pub fn get_preds(&self) -> Result<Vec<(M::Output, T)>> {
        let loader = &self.state.dls.valid;
        let order = loader.order(0);
        let model = self.state.model().valid();
        let batches = (0..loader.len()).map(|index| {
            let batch = loader.batch(&order, index, &self.state.device)?;
            Ok((model.forward(batch.input), batch.target))
        });
        batches.collect()
    }

    /// Whether the last call of `fit` ended from outside, by a [`StopFlag`] for one, and could be
    /// resumed.
    pub fn is_interrupted(&self) -> bool {
        self.state.interrupted
    }

    /// What has been recorded.
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// The model as it is now.
    ///
    /// # Panics
    ///
    /// If the optimizer panicked in an earlier step, which took the model with it.
    pub fn model(&self) -> &M {
        self.state.model()
    }

    /// The trained model, ready to predict: without gradients.
    pub fn into_model(self) -> M {
        self.state.model().valid()
    }

    /// The data.
    pub fn dls(&self) -> &DataLoaders<I, T> {
        &self.state.dls
    }
}

/// A cancelled fit is a finished one.
pub(super) fn finish(flow: Flow) -> Result<()> {
    match flow {
        Err(Stop::Error(error)) => Err(error),
        Ok(()) | Err(Stop::Cancel(_)) => Ok(()),
    }
}
