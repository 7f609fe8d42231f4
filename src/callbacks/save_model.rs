//! Saving the best model, or the model of each epoch, to a model file.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::monitor::Monitor;
use crate::error::{Error, Result};
use crate::files::regular;
use crate::learner::{Callback, Flow, State, Task};
use crate::models::{Registry, StateDict};
use crate::printable::short_number;
use crate::records::Validation;

/// Writes a model file whenever a monitored value improves, and restores the best weights at the
/// end of the fit: fastai's `SaveModelCallback`. Alternatively, writes one after each epoch.
///
/// Model files are for the models that [`export`](crate::learner::Learner::export) takes. For any
/// other module, [`weights`](Self::weights) writes files of
/// [`Learner::save`](crate::learner::Learner::save).
///
/// To resume a run, the file of the best model must still exist under the same path.
///
/// ```
/// use fastburn::callbacks::SaveModel;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let folder = tempfile::tempdir().unwrap();
/// let best = folder.path().join("best.safetensors");
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(SaveModel::best(&best));
/// learn.fit(3, 3e-3)?;
/// let valid_loss = Predictor::load(&best, &device)?.card().metrics["valid_loss"];
/// assert_eq!(valid_loss, learn.validate()?.loss);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SaveModel<F = ModelFiles> {
    file: PathBuf,
    /// The monitored value; `None` to write after each epoch.
    monitor: Option<Monitor>,
    /// The best model so far, of this fit or of all, as the monitor says.
    best: Option<Best>,
    format: PhantomData<F>,
}

/// The files of [`Learner::export`](crate::learner::Learner::export), for [`SaveModel`].
#[derive(Debug, Clone)]
pub struct ModelFiles;

/// The files of [`Learner::save`](crate::learner::Learner::save), for [`SaveModel`].
#[derive(Debug, Clone)]
pub struct WeightFiles;

/// The format of a [`SaveModel`]'s files.
pub trait SaveFormat<T: Task>: Send {
    /// Writes the current model.
    ///
    /// # Errors
    ///
    /// Those of the format.
    fn save(state: &State<T>, file: &Path) -> Result<()>;

    /// Returns the model with the weights of a file.
    ///
    /// # Errors
    ///
    /// Those of the format.
    fn load(state: &State<T>, file: &Path) -> Result<T::Model>;
}

impl<T: Task<Output = Tensor<2>>> SaveFormat<T> for ModelFiles
where
    T::Model: Registry,
{
    fn save(state: &State<T>, file: &Path) -> Result<()> {
        state.export(file)
    }

    fn load(state: &State<T>, file: &Path) -> Result<T::Model> {
        let mut model = state.model().valid();
        StateDict::open(file)?.load_into(&mut model)?;
        Ok(model)
    }
}

impl<T: Task> SaveFormat<T> for WeightFiles {
    fn save(state: &State<T>, file: &Path) -> Result<()> {
        state.save(file)
    }

    fn load(state: &State<T>, file: &Path) -> Result<T::Model> {
        state.load_model(file)
    }
}

/// The checksum and the validation results of the model in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Best {
    /// The file's checksum (CRC-32).
    checksum: u32,
    validation: Option<Validation>,
}

/// A size limit that no model file reaches, in bytes.
const LARGEST: u64 = 1 << 40;

impl SaveModel {
    /// Writes to `file`, for a model file a `.safetensors` file, after each epoch with a lower
    /// validation loss than all epochs before. As in fastai, each fit has a best model of its own;
    /// for the best one of several fits, use [`Monitor::reset_on_fit`].
    pub fn best(file: impl Into<PathBuf>) -> Self {
        Self::new(file.into(), Some(Monitor::default()))
    }

    /// Writes one file per epoch: `model_0.safetensors`, `model_1.safetensors` and so on for
    /// `model.safetensors`.
    pub fn every_epoch(file: impl Into<PathBuf>) -> Self {
        Self::new(file.into(), None)
    }

    /// Writes files of [`Learner::save`](crate::learner::Learner::save), of any module, instead of
    /// model files.
    ///
    /// ```
    /// use fastburn::callbacks::SaveModel;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = LinearConfig::new(784, 10).init(&device, 42)?;
    /// let folder = tempfile::tempdir().unwrap();
    /// let best = folder.path().join("best.learner");
    /// let saving = SaveModel::best(&best).weights();
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(saving);
    /// learn.fit(3, 3e-3)?;
    /// learn.load(&best)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn weights(self) -> SaveModel<WeightFiles> {
        SaveModel::new(self.file, self.monitor)
    }
}

impl<F> SaveModel<F> {
    fn new(file: PathBuf, monitor: Option<Monitor>) -> Self {
        Self { file, monitor, best: None, format: PhantomData }
    }

    /// Sets the monitored value (default: the validation loss). It has no effect with
    /// [`every_epoch`](Self::every_epoch).
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = self.monitor.map(|_| monitor);
        self
    }

    fn file_of(&self, epoch: usize) -> PathBuf {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let ending = self.file.extension().unwrap_or_default().to_string_lossy();
        self.file.with_file_name(format!("{stem}_{epoch}.{ending}"))
    }
}

fn checksum(file: &Path) -> Result<u32> {
    Ok(crc32fast::hash(&regular::read(file, LARGEST)?))
}

impl<T: Task, F: SaveFormat<T>> Callback<T> for SaveModel<F> {
    fn order(&self) -> i32 {
        61
    }

    fn name(&self) -> &'static str {
        "SaveModel"
    }

    fn save(&self) -> Value {
        json!({ "monitored": self.monitor.as_ref().map(Monitor::save), "best": self.best })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        if let Some(monitor) = &mut self.monitor {
            monitor.restore(&saved["monitored"]);
        }
        self.best = serde_json::from_value(saved["best"].clone())
            .map_err(|error| Error::callback("SaveModel", error))?;
        // A missing file is reported before training, not after it. Its checksum may differ: it may
        // be newer than the checkpoint, in which case the rest of the epoch writes it again.
        match &self.best {
            Some(_) => checksum(&self.file).map(|_| ()),
            None => Ok(()),
        }
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        if let Some(monitor) = &mut self.monitor {
            monitor.begin(state)?;
            self.best = self.best.take().filter(|_| monitor.best().is_some());
        }
        Ok(())
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        let Some(row) = state.completed_record() else { return Ok(()) };
        let Some(monitor) = &mut self.monitor else {
            return Ok(F::save(state, &self.file_of(row.epoch))?);
        };
        if monitor.improves(state)? == Some(true) {
            F::save(state, &self.file)?;
            let (checksum, validation) = (checksum(&self.file)?, state.validation.clone());
            self.best = Some(Best { checksum, validation });
            let (name, best) = (monitor.name(), monitor.best().unwrap_or(f64::NAN));
            let found = format!("Better model found at epoch {}", row.epoch);
            state.notes.push(format!("{found} with {name} value: {}", short_number(best)));
        }
        Ok(())
    }

    /// Restores the best weights, unless the fit was interrupted and can be resumed, or failed.
    fn after_fit(&mut self, state: &mut State<T>) -> Flow {
        let Some(best) = self.best.as_ref().filter(|_| !state.interrupted && !state.failed) else {
            return Ok(());
        };
        if checksum(&self.file)? != best.checksum {
            let problem = "overwritten since this fit saved its best model";
            Err(Error::file(self.file.display(), problem))?;
        }
        state.keep_model(F::load(state, &self.file)?, best.validation.clone());
        Ok(())
    }
}
