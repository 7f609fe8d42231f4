//! Keeps the best model, or each epoch's, as a model file.

use std::path::PathBuf;

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::monitor::Monitor;
use crate::error::Result;
use crate::learner::{Callback, Flow, State};
use crate::models::{Model, Portable, StateDict};

/// Writes a model file whenever a number has improved, and ends the fit with the best weights:
/// fastai's `SaveModelCallback`. Or writes one after each epoch.
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
/// let mut learn = Learner::new(dls, model, cross_entropy).callback(SaveModel::best(&best));
/// learn.fit(3, 3e-3)?;
/// let valid_loss = Predictor::load(&best, &device)?.card().metrics["valid_loss"];
/// assert_eq!(valid_loss, learn.validate()?.loss);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SaveModel {
    file: PathBuf,
    /// What must improve; `None` to write after each epoch.
    monitor: Option<Monitor>,
    /// Whether the file is of this fit.
    saved: bool,
}

impl SaveModel {
    /// Into `file`, a `.safetensors`, after each epoch with a lower validation loss than all before
    /// it.
    pub fn best(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), monitor: Some(Monitor::default()), saved: false }
    }

    /// After each epoch, into a file of its own: `model.safetensors` gives `model_0.safetensors`
    /// and so on.
    pub fn every_epoch(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), monitor: None, saved: false }
    }

    /// Keeps the best by another number than the validation loss.
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = Some(monitor);
        self
    }

    fn file_of(&self, epoch: usize) -> PathBuf {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let ending = self.file.extension().unwrap_or_default().to_string_lossy();
        self.file.with_file_name(format!("{stem}_{epoch}.{ending}"))
    }
}

impl<M, T> Callback<M, Tensor<4>, T> for SaveModel
where
    M: Model<Tensor<4>, Output = Tensor<2>> + Portable,
{
    fn order(&self) -> i32 {
        61
    }

    fn name(&self) -> &'static str {
        "SaveModel"
    }

    fn save(&self) -> Value {
        json!({ "best": self.monitor.as_ref().map(Monitor::save), "saved": self.saved })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        if let Some(monitor) = &mut self.monitor {
            monitor.restore(&saved["best"]);
        }
        self.saved = saved["saved"].as_bool().unwrap_or_default();
        Ok(())
    }

    fn before_fit(&mut self, state: &mut State<M, Tensor<4>, T>) -> Flow {
        self.saved = false;
        if let Some(monitor) = &mut self.monitor {
            monitor.reset();
            monitor.check(&state.history.metric_names)?;
        }
        Ok(())
    }

    fn after_epoch(&mut self, state: &mut State<M, Tensor<4>, T>) -> Flow {
        let Some(row) = &state.record else { return Ok(()) };
        let Some(monitor) = &mut self.monitor else {
            return Ok(state.export(&self.file_of(row.epoch))?);
        };
        if monitor.improves(row, &state.history.metric_names)? == Some(true) {
            state.export(&self.file)?;
            self.saved = true;
            let (name, best) = (monitor.name(), monitor.best().unwrap_or(f64::NAN));
            let found = format!("Better model found at epoch {}", row.epoch);
            state.notes.push(format!("{found} with {name} value: {best}"));
        }
        Ok(())
    }

    /// The best weights, unless the fit is to be gone on with or has failed.
    fn after_fit(&mut self, state: &mut State<M, Tensor<4>, T>) -> Flow {
        if self.saved && !state.interrupted && !state.failed {
            let mut model = state.model().clone();
            StateDict::open(&self.file)?.load_into(&mut model)?;
            state.replace_model(model);
        }
        Ok(())
    }
}
