//! Training, validation and prediction with a learner.

use burn::module::Module;

use super::builder::Learner;
use super::callback::{Flow, Scope, Stop};
use super::rates::Rates;
use super::task::Task;
use crate::computing::FITS;
use crate::data::{DataLoader, DataLoaders};
use crate::error::{Error, Remedy, Result};
use crate::models::Model;
use crate::records::{EpochRecord, History, Validation};

impl<T: Task> Learner<T> {
    /// Trains for a number of epochs and validates after each, at one learning rate or at one for
    /// each layer group: see [`Rates`].
    ///
    /// A second call continues where the first one ended, with the optimizer's state.
    ///
    /// On a CPU, one fit at a time runs on one of the threads that compute its operations. So
    /// callbacks, losses and models must not count on thread-local values of the caller's thread.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a learning rate or an option of the optimizer is out of range, or if a
    /// resumed run has begun more epochs or had other stateful callbacks; [`Error::File`] if it had
    /// other data; [`Error::Usage`] if the
    /// training items do not fill a batch; [`Error::Diverged`] if a loss becomes NaN or infinite;
    /// and any error of the data, the loss, a metric or a callback.
    pub fn fit(&mut self, epochs: usize, lr: impl Into<Rates>) -> Result<()> {
        self.set_rates(lr.into())?;
        self.check_fit()?;
        if !self.begin_fit(epochs)? {
            return Ok(());
        }
        let flow = self.run_fit();
        self.end_fit()?;
        finish(flow)
    }

    /// Refuses optimizer options and batch sizes with which nothing can be trained.
    pub(super) fn check_fit(&self) -> Result<()> {
        if let Some(config) = &self.state.optimizer_config {
            config.check()?;
        }
        if self.state.dls.train.is_empty() {
            let (items, batch_size) =
                (self.state.dls.train.items(), self.state.dls.train.items_per_batch());
            let problem = format!("{items} training items do not fill a batch of {batch_size}");
            return Err(Error::usage(problem).with_remedy(Remedy::SmallerBatches));
        }
        Ok(())
    }

    /// Returns the loss and the metrics over the validation set.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the validation set is empty or a callback ended the pass early, and
    /// any error of the data, the loss, a metric or a callback.
    pub fn validate(&mut self) -> Result<Validation> {
        // A callback that cancels the fit, such as a stop flag, may also end this pass.
        self.under_way.push(Scope::Fit);
        let interrupted = self.state.interrupted;
        let device = [self.state.device.clone()];
        let flow = FITS.run(&device, || self.run_part(Scope::Validate));
        self.state.interrupted = interrupted;
        self.under_way.pop();
        finish(flow)?;
        self.state.validation.clone().ok_or_else(|| {
            let batches = self.state.dls.valid.len();
            Error::setting(
                "number of validation batches",
                batches,
                "at least 1, none of them skipped by a callback",
            )
        })
    }

    /// Returns the outputs and the targets of the validation set, batch by batch in its order.
    ///
    /// # Errors
    ///
    /// Any error of the data.
    pub fn get_preds(&self) -> Result<Vec<(T::Output, T::Target)>> {
        self.get_preds_of(&self.state.dls.valid)
    }

    /// Returns the outputs and the targets of any data, batch by batch: fastai's
    /// `get_preds(dl=…)`.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let train = dls.train.clone().shuffle(None).drop_last(false);
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let learn = Learner::new(dls, model, CrossEntropy::new());
    /// let predictions = learn.get_preds_of(&train)?;
    /// assert_eq!(predictions.len(), 94); // ⌈6000 / 64⌉
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any error of the data.
    pub fn get_preds_of(
        &self,
        loader: &DataLoader<T::Input, T::Target>,
    ) -> Result<Vec<(T::Output, T::Target)>> {
        let (loader, order) = (loader.clone().training(false), loader.order(0));
        let model = self.state.model().valid();
        let batches = (0..loader.len()).map(|index| {
            let batch = loader.batch(&order, index, &self.state.device)?;
            Ok((model.forward(batch.input), batch.target))
        });
        batches.collect()
    }

    /// Returns whether the last call of `fit` was interrupted, for example by a
    /// [`StopFlag`](crate::callbacks::StopFlag), and can be resumed.
    pub fn is_interrupted(&self) -> bool {
        self.state.interrupted
    }

    /// Sets whether epochs are numbered through all calls of `fit`, instead of from 0 in each
    /// (default: `false`, as in fastai).
    ///
    /// The history, logs, messages and the [`EpochTable`](crate::callbacks::EpochTable), which is
    /// then a single one, follow it. It is for a run of several fits that reads as one.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).number_epochs_through(true);
    /// learn.fine_tune(2)?;
    /// let numbers: Vec<_> = learn.history().epochs.iter().map(|row| row.epoch).collect();
    /// assert_eq!(numbers, [0, 1, 2]);
    /// assert_eq!(learn.rows().len(), 2); // of the last fit
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn number_epochs_through(mut self, through: bool) -> Self {
        self.set_number_epochs_through(through);
        self
    }

    /// Sets how epochs are numbered: see [`number_epochs_through`](Self::number_epochs_through).
    pub fn set_number_epochs_through(&mut self, through: bool) {
        self.state.numbers_through = through;
    }

    /// Returns the rows of the last call of `fit`.
    pub fn rows(&self) -> &[EpochRecord] {
        self.state.rows()
    }

    /// Returns the recorded history.
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// Returns the current model.
    ///
    /// # Panics
    ///
    /// If the optimizer panicked in an earlier step, which took the model with it.
    pub fn model(&self) -> &T::Model {
        self.state.model()
    }

    /// Returns the trained model without gradients, ready for inference.
    pub fn into_model(self) -> T::Model {
        self.state.model().valid()
    }

    /// Returns the data loaders.
    pub fn dls(&self) -> &DataLoaders<T::Input, T::Target> {
        &self.state.dls
    }
}

/// Turns the end of a fit into a result: a cancelled fit counts as finished.
pub(super) fn finish(flow: Flow) -> Result<()> {
    match flow {
        Err(Stop::Error(error)) => Err(error),
        Ok(()) | Err(Stop::Cancel(_)) => Ok(()),
    }
}
