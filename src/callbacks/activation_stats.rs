//! Statistics of a model's activations during training.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use burn::tensor::FloatDType;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::layers::{Listening, Observation, listen};
use crate::learner::{Callback, Flow, State, Task};
use crate::mutex::lock;
use crate::records::LayerActivations;
use crate::scalars::Scalars;

const NAME: &str = "ActivationStats";

/// The largest absolute value of a dead activation: fastai's threshold.
const DEAD: f64 = 0.05;

/// The names of a layer's statistics in a checkpoint.
const NUMBERS: [&str; 3] = ["means", "deviations", "dead"];

/// Records the mean, the standard deviation and the share of dead activations of each layer in
/// training batches: fastai's `ActivationStats`.
///
/// Each statistic is over all items and features of a layer's activations in a batch: the mean, the
/// unbiased standard deviation, as in `torch.std`, and the share with `|a| <= 0.05`. fastai's
/// `near_zero` counts `a <= 0.05`. After a ReLU that is the same; elsewhere it counts every
/// negative activation as dead.
///
/// A layer is recorded if its model reports it with [`observe`](crate::layers::observe), as
/// fastburn's models do. Give the learner a clone and keep one: both share the records of all calls
/// of `fit`.
///
/// ```
/// use fastburn::callbacks::ActivationStats;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let stats = ActivationStats::new();
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(stats.clone());
/// learn.fit(1, 3e-3)?;
///
/// let layers = stats.records()?;
/// assert_eq!((layers.len(), layers[0].layer.as_str()), (2, "layers.0"));
/// assert_eq!(layers[0].means.len(), 93); // one value per batch
/// assert!(layers[0].dead.iter().all(|&share| share < 0.9));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// The numbers stay on the device until they are requested or a checkpoint is written. A checkpoint
/// holds all of them, so a resumed run has the same records as an uninterrupted one. In a run of
/// many steps, record only [`every`](Self::every) few batches.
#[derive(Debug)]
pub struct ActivationStats {
    every: NonZeroUsize,
    records: Arc<Mutex<Records>>,
    /// Set during the forward pass of a recorded batch.
    listening: Option<Listening>,
}

#[derive(Debug, Default)]
struct Records {
    layers: Vec<Layer>,
    /// Three numbers per observation, still on the device.
    waiting: Scalars,
    /// The index of the layer of each of those observations.
    observed: Vec<usize>,
    /// The error of a read in `save`, which cannot return one.
    failed: Option<Error>,
}

#[derive(Debug)]
struct Layer {
    name: String,
    /// In the order of [`NUMBERS`].
    numbers: [Vec<f32>; 3],
}

impl ActivationStats {
    /// Records every training batch.
    pub fn new() -> Self {
        Self { every: NonZeroUsize::MIN, records: Arc::default(), listening: None }
    }

    /// Records one in `batches` training batches, starting with the first of a fit (default: 1).
    pub fn every(mut self, batches: NonZeroUsize) -> Self {
        self.every = batches;
        self
    }

    /// Returns the statistics recorded so far, one entry per layer, in the order of the forward
    /// pass. Waits for the device.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`] if the device fails.
    pub fn records(&self) -> Result<Vec<LayerActivations>> {
        let mut records = lock(&self.records);
        records.read()?;
        let to_f64 = |values: &Vec<f32>| values.iter().copied().map(f64::from).collect();
        let layers = records.layers.iter().map(|Layer { name, numbers }| {
            let [means, deviations, dead] = numbers.each_ref().map(to_f64);
            LayerActivations { layer: name.clone(), means, deviations, dead }
        });
        Ok(layers.collect())
    }
}

impl Default for ActivationStats {
    fn default() -> Self {
        Self::new()
    }
}

/// Another handle to the same records.
impl Clone for ActivationStats {
    fn clone(&self) -> Self {
        Self { every: self.every, records: self.records.clone(), listening: None }
    }
}

impl Records {
    fn observe(&mut self, observation: &Observation<'_>) {
        if observation.shape.contains(&0) {
            return;
        }
        let index = self.layers.iter().position(|layer| layer.name == observation.layer);
        let index = index.unwrap_or_else(|| {
            let numbers = Default::default();
            self.layers.push(Layer { name: observation.layer.to_owned(), numbers });
            self.layers.len() - 1
        });
        // A sum of 16-bit numbers can overflow.
        let values = observation.values().cast(FloatDType::F32);
        self.observed.push(index);
        self.waiting.push(values.clone().mean());
        self.waiting.push(values.clone().var(0).sqrt());
        self.waiting.push(values.abs().lower_equal_elem(DEAD).float().mean());
    }

    /// Reads the waiting numbers from the device and adds them to their layers.
    fn read(&mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let observed = std::mem::take(&mut self.observed);
        let read = self.waiting.take()?;
        for (index, values) in observed.into_iter().zip(read.as_chunks::<3>().0) {
            for (numbers, value) in self.layers[index].numbers.iter_mut().zip(values) {
                numbers.push(*value);
            }
        }
        Ok(())
    }
}

impl<T: Task> Callback<T> for ActivationStats {
    /// The order of the callback in fastai.
    fn order(&self) -> i32 {
        -20
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn save(&self) -> Value {
        let mut records = lock(&self.records);
        // `after_train` or `records` reports the error: this method cannot fail.
        records.failed = records.read().err();
        records.layers.iter().map(Layer::to_json).collect()
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        let layers = saved.as_array().and_then(|layers| layers.iter().map(Layer::of).collect());
        let Some(layers) = layers else {
            let source = "invalid activation statistics in the checkpoint".into();
            return Err(Error::Callback { callback: NAME.to_owned(), source });
        };
        *lock(&self.records) = Records { layers, ..Records::default() };
        Ok(())
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        if state.training && state.trained.is_multiple_of(self.every.get()) {
            let records = self.records.clone();
            self.listening = Some(listen(move |layer| lock(&records).observe(layer)));
        }
        Ok(())
    }

    fn after_pred(&mut self, _: &mut State<T>) -> Flow {
        self.listening = None;
        Ok(())
    }

    fn after_batch(&mut self, _: &mut State<T>) -> Flow {
        self.listening = None;
        Ok(())
    }

    fn after_train(&mut self, _: &mut State<T>) -> Flow {
        match lock(&self.records).failed.take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

impl Layer {
    /// Stores the numbers as text, which is shorter than in JSON and allows NaN and infinities.
    fn to_json(&self) -> Value {
        let mut json = json!({ "layer": self.name });
        for (name, numbers) in NUMBERS.iter().zip(&self.numbers) {
            let numbers: Vec<_> = numbers.iter().map(f32::to_string).collect();
            json[name] = numbers.join(" ").into();
        }
        json
    }

    fn of(json: &Value) -> Option<Self> {
        let mut layer =
            Self { name: json["layer"].as_str()?.to_owned(), numbers: Default::default() };
        for (name, numbers) in NUMBERS.iter().zip(&mut layer.numbers) {
            let words = json[name].as_str()?.split_whitespace();
            *numbers = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        }
        Some(layer)
    }
}
