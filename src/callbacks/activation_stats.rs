//! How a model's activations change while it trains.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

use burn::tensor::FloatDType;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, State};
use crate::models::{Listening, Model, Observation, listen};
use crate::records::LayerActivations;
use crate::scalars::Scalars;

const NAME: &str = "ActivationStats";

/// Up to which distance from 0 an activation counts as dead: fastai's threshold.
const DEAD: f64 = 0.05;

/// The numbers of one layer and batch, by their names in a checkpoint.
const NUMBERS: [&str; 3] = ["means", "deviations", "dead"];

/// Records the mean, the standard deviation and the share of dead ones of each layer's activations
/// in training batches: fastai's `ActivationStats`.
///
/// A batch's activations of a layer are taken together, over items and features: their mean; their
/// unbiased standard deviation, as `torch.std` has it; and the share of those with
/// `|a| <= 0.05`. fastai's `near_zero` has `a <= 0.05`, which is the same behind a ReLU, but takes
/// every negative number for dead elsewhere.
///
/// Layers are seen if their model tells of them with [`observe`](crate::models::observe), as
/// fastburn's do. Give the learner a clone and keep one: both have the same records, of all calls
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
/// let mut learn = Learner::new(dls, model, cross_entropy).callback(stats.clone());
/// learn.fit(1, 3e-3)?;
///
/// let layers = stats.records()?;
/// assert_eq!((layers.len(), layers[0].layer.as_str()), (2, "layers.0"));
/// assert_eq!(layers[0].means.len(), 93); // a value for each batch
/// assert!(layers[0].dead.iter().all(|&share| share < 0.9));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// The numbers stay on the device until somebody asks for them; at the end of an epoch's training
/// they are read as well, to be remembered. A checkpoint holds them all, so that a resumed run has
/// the records of an unbroken one; for a run of many steps, look at [`every`](Self::every) few.
#[derive(Debug)]
pub struct ActivationStats {
    every: NonZeroUsize,
    records: Rc<RefCell<Records>>,
    /// During the forward pass of a batch that is looked at.
    listening: Option<Listening>,
}

#[derive(Debug, Default)]
struct Records {
    layers: Vec<Layer>,
    /// The numbers of each observation, three after three, still on the device.
    waiting: Scalars,
    /// Which layer each of those observations is of.
    observed: Vec<usize>,
    /// What a read failed with that could not say so.
    failed: Option<Error>,
}

#[derive(Debug)]
struct Layer {
    name: String,
    /// In the order of [`NUMBERS`].
    numbers: [Vec<f32>; 3],
}

impl ActivationStats {
    /// Looks at each training batch.
    pub fn new() -> Self {
        Self { every: NonZeroUsize::MIN, records: Rc::default(), listening: None }
    }

    /// Looks at the first training batch of a fit, and from there at each that many further on.
    pub fn every(mut self, batches: NonZeroUsize) -> Self {
        self.every = batches;
        self
    }

    /// What was recorded so far, a layer each in the order of the forward pass; this waits for the
    /// device.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`] if the device fails.
    pub fn records(&self) -> Result<Vec<LayerActivations>> {
        let mut records = self.records.borrow_mut();
        records.read()?;
        let wide = |values: &Vec<f32>| values.iter().copied().map(f64::from).collect();
        let layers = records.layers.iter().map(|Layer { name, numbers }| {
            let [means, deviations, dead] = numbers.each_ref().map(wide);
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
    fn observe(&mut self, seen: &Observation<'_>) {
        if seen.shape.contains(&0) {
            return;
        }
        let index = self.layers.iter().position(|layer| layer.name == seen.layer);
        let index = index.unwrap_or_else(|| {
            let numbers = Default::default();
            self.layers.push(Layer { name: seen.layer.to_owned(), numbers });
            self.layers.len() - 1
        });
        // In 16 bits a sum overflows.
        let values = seen.values().cast(FloatDType::F32);
        self.observed.push(index);
        self.waiting.push(values.clone().mean());
        self.waiting.push(values.clone().var(0).sqrt());
        self.waiting.push(values.abs().lower_equal_elem(DEAD).float().mean());
    }

    /// Moves what waits on the device to the layers.
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

impl<M: Model<I>, I, T> Callback<M, I, T> for ActivationStats {
    /// As in fastai.
    fn order(&self) -> i32 {
        -20
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn save(&self) -> Value {
        let mut records = self.records.borrow_mut();
        // An error is told at the next event that may fail.
        records.failed = records.read().err();
        records.layers.iter().map(Layer::to_json).collect()
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        let layers = saved.as_array().and_then(|layers| layers.iter().map(Layer::of).collect());
        let Some(layers) = layers else {
            let source = "what a checkpoint says of activations is not what was saved".into();
            return Err(Error::Callback { callback: NAME.to_owned(), source });
        };
        *self.records.borrow_mut() = Records { layers, ..Records::default() };
        Ok(())
    }

    fn before_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        if state.training && state.trained.is_multiple_of(self.every.get()) {
            let records = self.records.clone();
            self.listening = Some(listen(move |seen| records.borrow_mut().observe(seen)));
        }
        Ok(())
    }

    fn after_pred(&mut self, _: &mut State<M, I, T>) -> Flow {
        self.listening = None;
        Ok(())
    }

    fn after_batch(&mut self, _: &mut State<M, I, T>) -> Flow {
        self.listening = None;
        Ok(())
    }

    fn after_train(&mut self, _: &mut State<M, I, T>) -> Flow {
        match self.records.borrow_mut().failed.take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

impl Layer {
    /// Numbers as text, which is shorter than JSON's own and has words for what is none.
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
