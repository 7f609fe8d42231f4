//! Lesson 10: writing a callback.
//!
//! You will learn to customise training without touching its loop. Callbacks can record values,
//! change the learning rate, the batch and the loss, run before or after others, cut short a part
//! of the fit, stop it with an error, apply to a single fit, and keep their state in checkpoints.
//!
//! ```sh
//! cargo run --release --example 10_callbacks
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use burn::tensor::{Distribution, Int, Tensor};
use fastburn::Error;
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{Batch, DataLoaders};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{Mlp, MlpConfig};
use fastburn::plot::{plot_schedule, show_batch};
use lesson::{Lesson, step};
use serde_json::{Value, json};

const BATCH: usize = 64;
const LR: f64 = 3e-3;
/// The standard deviation of the noise. Pixels are from 0 to 1.
const NOISE: f64 = 0.4;
const PENALTY: f64 = 1e-4;
const WARM_UP: usize = 80;
const SHORT: usize = 30;

type Digits = Learner<(Mlp, Tensor<4>, Tensor<1, Int>)>;

/// Prints the loss ten times per epoch. The learner takes ownership of a callback, so this one
/// shares its losses with its clones, which can be read after the fit.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<f64>>>);

impl<T: Task> Callback<T> for Diary {
    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        let every = state.batches.div_ceil(10);
        if state.training && state.batch_index.is_multiple_of(every) {
            // Losses stay on the device until they are read, which waits for the device.
            if let Some(loss) = state.read_losses()? {
                println!("batch {:>3} of {}: loss {loss:.4}", state.batch_index, state.batches);
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(loss);
            }
        }
        Ok(())
    }
}

/// Warms up: increases the learning rate to that of the fit over the first batches.
#[derive(Default)]
struct WarmUp(f64);

impl<T: Task> Callback<T> for WarmUp {
    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        self.0 = state.lr;
        Ok(())
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        if state.training {
            state.lr = self.0 * ((state.trained + 1) as f64 / WARM_UP as f64).min(1.0);
        }
        Ok(())
    }
}

/// Adds noise to images. Its input type is an image batch, so a learner of rows does not accept it.
struct Noise;

impl<T: Task<Input = Tensor<4>>> Callback<T> for Noise {
    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        if let Some(batch) = &mut state.batch {
            add_noise(batch);
        }
        Ok(())
    }
}

fn add_noise<T>(batch: &mut Batch<Tensor<4>, T>) {
    let noise = batch.input.random_like(Distribution::Normal(0.0, NOISE));
    batch.input = batch.input.clone() + noise;
}

/// Adds an L1 penalty to the loss: the sum of the absolute weights.
struct Thrift;

impl<T: Task<Model = Mlp>> Callback<T> for Thrift {
    fn after_loss(&mut self, state: &mut State<T>) -> Flow {
        if state.training {
            let costs = state.model().layers.iter().map(|layer| layer.weight.val().abs().sum());
            let costs = costs.reduce(|sum, cost| sum + cost).map(|sum| sum * PENALTY);
            let loss = state.loss.take();
            state.loss = loss.zip(costs).map(|(loss, costs)| loss + costs);
        }
        Ok(())
    }
}

/// Records the brightest pixel of the first batch, as seen at a given order among the callbacks.
#[derive(Clone)]
struct Brightest(i32, Arc<Mutex<f32>>);

impl<T: Task<Input = Tensor<4>>> Callback<T> for Brightest {
    fn order(&self) -> i32 {
        self.0
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        if let (0, Some(batch)) = (state.batch_index, &state.batch) {
            *self.1.lock().unwrap_or_else(PoisonError::into_inner) =
                batch.input.clone().max().into_scalar();
        }
        Ok(())
    }
}

/// Shortens epochs, as fastai's `ShortEpochCallback` does.
struct ShortEpoch(usize);

impl<T: Task> Callback<T> for ShortEpoch {
    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        let is_over = state.training && state.batch_index == self.0;
        if is_over { Err(Stop::Cancel(Scope::Train)) } else { Ok(()) }
    }
}

/// Stops the fit with an error once a budget of batches is used up.
struct Budget(usize);

impl<T: Task> Callback<T> for Budget {
    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        if state.trained < self.0 {
            return Ok(());
        }
        let source = format!("the budget of {} batches is used up", self.0).into();
        Err(Stop::Error(Error::Callback { callback: "Budget".to_owned(), source }))
    }
}

/// Counts the training images, including those before an interruption.
#[derive(Clone, Default)]
struct Odometer(Arc<AtomicUsize>);

impl Odometer {
    fn images(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl<T: Task> Callback<T> for Odometer {
    /// Returns the name of its state in checkpoints.
    fn name(&self) -> &'static str {
        "Odometer"
    }

    fn save(&self) -> Value {
        json!(self.images())
    }

    fn restore(&mut self, saved: &Value) -> fastburn::Result<()> {
        self.0.store(saved.as_u64().unwrap_or_default() as usize, Ordering::Relaxed);
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        if let (true, Some(batch)) = (state.training, &state.batch) {
            self.0.fetch_add(batch.len, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Interrupts the fit, as a `StopFlag` does on Ctrl-C.
struct PowerCut;

impl<T: Task> Callback<T> for PowerCut {
    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        state.interrupted = state.training && state.batch_index == SHORT;
        if state.interrupted { Err(Stop::Cancel(Scope::Fit)) } else { Ok(()) }
    }
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("10_callbacks")?;
    let device = &lesson.device;
    let data = lesson.data()?;
    let dls = data.splits.loaders(BATCH, lesson.seed, device)?;
    let batches = dls.train.len();

    step("Recording: Diary");
    let diary = Diary::default();
    let mut plain = learner(&lesson, &dls)?.callback(diary.clone());
    plain.fit(1, LR)?;
    let reached = plain.validate()?.metrics[0];
    let losses = std::mem::take(&mut *diary.0.lock().unwrap_or_else(PoisonError::into_inner));
    let is_complete = losses.len() == batches.div_ceil(batches.div_ceil(10));
    let claim = format!("our clone of the diary has the {} printed losses", losses.len());
    lesson.claim(is_complete && losses.last() < losses.first(), claim)?;

    step("Changing the learning rate, for a single fit: WarmUp");
    let mut learn = learner(&lesson, &dls)?;
    learn.with(WarmUp::default(), |learn| learn.fit(1, LR))?;
    learn.fit(1, LR)?;
    lesson.save("learning_rate", &plot_schedule(learn.history())?)?;
    let steps = &learn.history().steps;
    let warm = steps[0].lr == LR / WARM_UP as f64 && steps[WARM_UP - 1].lr == LR;
    lesson.claim(warm, format!("the learning rate reaches {LR} after {WARM_UP} batches"))?;
    lesson.claim(steps[batches].lr == LR, "the next fit has no warm-up")?;

    step("Changing the batch: Noise");
    let mut batch = dls.train.batch(&dls.train.order(0), 0, device)?;
    device.seed(lesson.seed);
    add_noise(&mut batch);
    lesson.save("noise", &show_batch(&batch, data.splits.train.classes())?)?;
    // The bundled digits are a tenth of MNIST.
    let epochs = if data.is_mnist { 1 } else { 10 };
    let (mut clean, mut hardened) = (learner(&lesson, &dls)?, learner(&lesson, &dls)?);
    clean.fit(epochs, LR)?;
    hardened.with(Noise, |learn| learn.fit(epochs, LR))?;
    let noisy_accuracy = |learn: &mut Digits| {
        device.seed(lesson.seed);
        learn.with(Noise, |learn| Ok(100.0 * learn.validate()?.metrics[0]))
    };
    let (without, with) = (noisy_accuracy(&mut clean)?, noisy_accuracy(&mut hardened)?);
    println!("A model trained on clean images reaches {without:.1} % on noisy ones.");
    lesson.claim(with > without, format!("a model trained on noisy images reaches {with:.1} %"))?;

    step("Changing the loss: Thrift");
    let mut thrifty = learner(&lesson, &dls)?.callback(Thrift);
    thrifty.fit(1, LR)?;
    let accuracy = thrifty.validate()?.metrics[0];
    println!("accuracy {:.2} % without, {:.2} % with", 100.0 * reached, 100.0 * accuracy);
    let (size, with) = (mean_size(plain.model()), mean_size(thrifty.model()));
    let claim = format!("a penalty makes the weights smaller: {with:.4} instead of {size:.4}");
    lesson.claim(with < 0.75 * size && accuracy > reached - 0.05, claim)?;

    step("Before and after other callbacks: order");
    let (before, after) = (Brightest(-1, Arc::default()), Brightest(1, Arc::default()));
    // Noise has the default order, 0.
    let learn = learner(&lesson, &dls)?.callback(after.clone()).callback(Noise);
    learn.callback(before.clone()).validate()?;
    let seen = |one: Brightest| one.1.lock().map_or(0.0, |brightest| *brightest);
    let (before, after) = (seen(before), seen(after));
    let claim = format!("order -1 sees at most {before:.2}, order 1, after the noise, {after:.2}");
    lesson.claim(before <= 1.0 && after > 1.0, claim)?;

    step("Skipping the rest of an epoch's training: ShortEpoch");
    let mut learn = learner(&lesson, &dls)?.callback(ShortEpoch(SHORT));
    learn.fit(3, LR)?;
    println!("A callback can cancel Scope::Batch, Train, Validate, Epoch and Fit.");
    let (rows, steps) = (&learn.history().epochs, learn.history().steps.len());
    lesson.claim(steps == 3 * SHORT, format!("three epochs have {SHORT} batches each"))?;
    let validated = rows.iter().all(|row| row.valid_loss.is_some());
    lesson.claim(rows.len() == 3 && validated, "each of them is validated nevertheless")?;

    step("Stopping the fit with an error: Budget");
    let mut learn = learner(&lesson, &dls)?;
    let error = learn.with(Budget(SHORT), |learn| learn.fit(1, LR)).unwrap_err().to_string();
    println!("error: {error}");
    let kept = learn.history().steps.len() == SHORT && error.starts_with("Budget: ");
    lesson.claim(kept, "fit returns the error, and the history has the batches before it")?;
    learn.fit(1, LR)?;
    lesson.claim(learn.history().steps.len() == SHORT + batches, "a new fit continues")?;

    step("State in checkpoints: Odometer");
    let place = tempfile::tempdir()?;
    let odometer = Odometer::default();
    let folder = CheckpointFolder::create(place.path())?;
    let mut learn =
        learner(&lesson, &dls)?.callback(odometer.clone()).callback(Checkpoint::new(folder));
    learn.with(PowerCut, |learn| learn.fit(1, LR))?;
    drop(learn);
    println!("{} images before the power cut", odometer.images());

    let mut folder = CheckpointFolder::open(place.path())?;
    let saved = folder.newest()?;
    let odometer = Odometer::default();
    let mut learn = learner(&lesson, &dls)?.callback(odometer.clone());
    learn.resume(&saved)?;
    learn.fit(1, LR)?;
    let images = odometer.images();
    let claim = format!("{images} images at the end, as many as in an uninterrupted run");
    lesson.claim(images == batches * BATCH, claim)?;
    let resumed = learn.validate()?.metrics[0];
    let claim = format!("the accuracy equals an uninterrupted run's: {:.2} %", 100.0 * resumed);
    lesson.claim((resumed - reached).abs() < 1e-3, claim)
}

fn learner(lesson: &Lesson, dls: &DataLoaders<Tensor<4>, Tensor<1, Int>>) -> Result<Digits> {
    let model = MlpConfig::new([28 * 28, 50, 10]).init(&lesson.device, lesson.seed)?;
    Ok(Learner::new(dls.clone(), model, CrossEntropy::new()).metric(accuracy()))
}

/// Returns the mean absolute weight of the first layer.
fn mean_size(model: &Mlp) -> f32 {
    model.layers[0].weight.val().abs().mean().into_scalar()
}
