//! Saving and loading a learner's weights and optimizer state, for any module.

use std::path::Path;

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use serde_json::{Value, json};

use super::builder::Learner;
use super::state::State;
use super::task::Task;
use crate::checkpoints::SavedLearner;
use crate::device;
use crate::error::{Error, Result};
use crate::optim::{UNNAMED, load_on};

impl<T: Task> Learner<T> {
    /// Writes the weights and the optimizer's state to a file: fastai's `learn.save`.
    ///
    /// It takes any module and holds all of its tensors, but not how to make it:
    /// [`load`](Self::load) it into a learner that is built in the same way. For a file that a
    /// program can predict with, see [`export`](Self::export); to continue an interrupted run,
    /// [`Checkpoint`](crate::callbacks::Checkpoint). In a resumed run, neither `save` nor `load`
    /// does anything before the interrupted fit: both were done before the checkpoint.
    ///
    /// ```
    /// use burn::nn::{Linear, LinearConfig};
    /// use burn::tensor::Tensor;
    /// use fastburn::data::{DataLoaders, TensorSource};
    /// use fastburn::prelude::*;
    ///
    /// #[derive(Module, Debug)]
    /// struct Net {
    ///     only: Linear,
    /// }
    ///
    /// impl Model<Tensor<2>> for Net {
    ///     type Output = Tensor<2>;
    ///
    ///     fn forward(&self, input: Tensor<2>) -> Tensor<2> {
    ///         self.only.forward(input)
    ///     }
    /// }
    ///
    /// let device = device::cpu()?;
    /// let learner = || {
    ///     let x = Tensor::<2>::from_data([[1.0], [2.0]], &device);
    ///     let rows = TensorSource::new(x.clone(), x * 2.0)?;
    ///     let dls = DataLoaders::new(rows.clone(), rows, 0).batch_size(1)?;
    ///     let net = Net { only: LinearConfig::new(1, 1).init(&device) };
    ///     Ok(Learner::new(dls, net, Mse))
    /// };
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("net.learner");
    /// let mut learn = learner()?;
    /// learn.fit(1, 0.1)?;
    /// learn.save(&file)?;
    ///
    /// let mut other = learner()?;
    /// other.load(&file)?;
    /// assert_eq!(other.validate()?.loss, learn.validate()?.loss);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        // A resumed run has written it already, and has other weights now.
        if self.resumed.is_some() {
            return Ok(());
        }
        self.state.save(path.as_ref())
    }

    /// Loads the weights and the optimizer's state from a file of [`save`](Self::save): fastai's
    /// `learn.load`.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the file cannot be read; [`Error::File`] if it is damaged, or is for
    /// another model or optimizer; [`Error::Device`] if the optimizer is one of Burn's, whose state
    /// Burn loads on its default device, and that is a missing GPU. After an error, the learner is
    /// unchanged.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        // In a resumed run, this was before the checkpoint, which holds the weights since then.
        if self.resumed.is_some() {
            return Ok(());
        }
        let saved = SavedLearner::read(path.as_ref())?;
        let (before, now) = (&saved.optimizer, self.state.optimizer_description());
        if *before != now {
            let problem =
                format!("different optimizer: {before} in the file, {now} in this learner");
            return Err(Error::file(&saved.file, problem));
        }
        let model = self.state.loaded_model(saved.model_record()?, &saved.file)?;
        self.state.optimizer = self.state.loaded_optimizer(saved.optimizer_record()?)?;
        self.state.model = Some(model);
        Ok(())
    }
}

impl<T: Task> State<T> {
    /// Writes the weights and the optimizer's state: see [`Learner::save`].
    ///
    /// # Errors
    ///
    /// See [`Learner::save`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let model = self.model().valid().into_record();
        let optimizer = self.optimizer.to_record();
        SavedLearner::write(path, model, optimizer, self.optimizer_description())
    }

    /// Returns a model with the weights of a file of [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// Those of [`Learner::load`] that concern the model.
    pub fn load_model(&self, path: &Path) -> Result<T::Model> {
        let saved = SavedLearner::read(path)?;
        self.loaded_model(saved.model_record()?, &saved.file)
    }

    /// Describes the optimizer, `Null` for one of Burn's without a name.
    pub(super) fn optimizer_description(&self) -> Value {
        match &self.optimizer_config {
            Some(config) => json!(config),
            None if self.optimizer_name == UNNAMED => Value::Null,
            None => json!(self.optimizer_name),
        }
    }

    pub(super) fn loaded_model(&self, record: ModuleRecord, file: &str) -> Result<T::Model> {
        // A new module: after an error, this one must be unchanged.
        self.model().valid().try_load_record(record).map_err(|error| {
            Error::file(file, format!("its weights do not fit this learner's model: {error}"))
        })
    }

    pub(super) fn loaded_optimizer(&self, record: OptimizerRecord) -> Result<ModuleOptimizer> {
        if self.optimizer_config.is_none() && !device::has_default() {
            let problem = "not available, and Burn loads the state of its own optimizers there";
            let remedy = "set BURN_DEVICE=flex, or use an OptimizerConfig".into();
            return Err(Error::device("default", problem).with_remedy(remedy));
        }
        Ok(load_on(&self.device, || self.optimizer.clone().load_record(record)))
    }
}
