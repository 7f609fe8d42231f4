//! Lesson 10: writing a callback.
//!
//! You will learn to change a training without touching its loop: to record something, to change
//! the learning rate, the batch and the loss, to stand before or behind other callbacks, to leave a
//! part of a fit early, to end it with an error, to be there for one fit alone, and to remember
//! across an interruption.
//!
//! ```sh
//! cargo run --release --example 10_callbacks
//! ```

#[allow(dead_code, reason = "each lesson uses its part")]
mod lesson;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anyhow::Result;
use burn::tensor::{Distribution, Int, Tensor};
use fastburn::Error;
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{Batch, DataLoaders};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop};
use fastburn::loss::cross_entropy;
use fastburn::metrics::accuracy;
use fastburn::models::{Mlp, MlpConfig, Model};
use fastburn::plot::{plot_schedule, show_batch};
use lesson::{Lesson, step};
use serde_json::{Value, json};

const BATCH: usize = 64;
const LR: f64 = 3e-3;
/// How many standard deviations of a pixel the noise has; pixels are from 0 to 1.
const NOISE: f64 = 0.4;
const PENALTY: f64 = 1e-4;
const WARM_UP: usize = 80;
const SHORT: usize = 30;

type Digits = Learner<Mlp, Tensor<4>, Tensor<1, Int>>;

/// Says how the loss is, ten times an epoch.
///
/// A callback is moved into the learner; what a clone of it shares is how one sees it afterwards.
#[derive(Clone, Default)]
struct Diary(Rc<RefCell<Vec<f64>>>);

impl<M: Model<I>, I, T> Callback<M, I, T> for Diary {
    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let every = state.batches.div_ceil(10);
        if state.training && state.batch_index.is_multiple_of(every) {
            // Losses stay on the device until somebody reads them, which waits for it.
            if let Some(loss) = state.read_losses()? {
                println!("batch {:>3} of {}: loss {loss:.4}", state.batch_index, state.batches);
                self.0.borrow_mut().push(loss);
            }
        }
        Ok(())
    }
}

/// Begins with small steps: the learning rate grows to the fit's own in the first batches.
#[derive(Default)]
struct WarmUp(f64);

impl<M: Model<I>, I, T> Callback<M, I, T> for WarmUp {
    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.0 = state.lr;
        Ok(())
    }

    fn before_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        if state.training {
            state.lr = self.0 * ((state.trained + 1) as f64 / WARM_UP as f64).min(1.0);
        }
        Ok(())
    }
}

/// Hides digits behind noise. It asks for images, so that a learner of rows does not take it.
struct Noise;

impl<M: Model<Tensor<4>>, T> Callback<M, Tensor<4>, T> for Noise {
    fn before_batch(&mut self, state: &mut State<M, Tensor<4>, T>) -> Flow {
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

/// Makes weights cost something: adds the sum of their sizes to the loss.
struct Thrift;

impl<T> Callback<Mlp, Tensor<4>, T> for Thrift {
    fn after_loss(&mut self, state: &mut State<Mlp, Tensor<4>, T>) -> Flow {
        if state.training {
            let costs = state.model().layers.iter().map(|layer| layer.weight.val().abs().sum());
            let costs = costs.reduce(|sum, cost| sum + cost).map(|sum| sum * PENALTY);
            let loss = state.loss.take();
            state.loss = loss.zip(costs).map(|(loss, costs)| loss + costs);
        }
        Ok(())
    }
}

/// Looks for the brightest pixel of the first batch, from a place of its own among the callbacks.
#[derive(Clone)]
struct Brightest(i32, Rc<Cell<f32>>);

impl<M: Model<Tensor<4>>, T> Callback<M, Tensor<4>, T> for Brightest {
    fn order(&self) -> i32 {
        self.0
    }

    fn before_batch(&mut self, state: &mut State<M, Tensor<4>, T>) -> Flow {
        if let (0, Some(batch)) = (state.batch_index, &state.batch) {
            self.1.set(batch.input.clone().max().into_scalar());
        }
        Ok(())
    }
}

/// Makes epochs short: fastai's `ShortEpochCallback`.
struct ShortEpoch(usize);

impl<M: Model<I>, I, T> Callback<M, I, T> for ShortEpoch {
    fn before_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        match state.training && state.batch_index == self.0 {
            true => Err(Stop::Cancel(Scope::Train)),
            false => Ok(()),
        }
    }
}

/// Ends the fit with an error once as many batches were trained as there is money for.
struct Budget(usize);

impl<M: Model<I>, I, T> Callback<M, I, T> for Budget {
    fn before_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        if state.trained < self.0 {
            return Ok(());
        }
        let source = format!("no more than {} batches were paid for", self.0).into();
        Err(Stop::Error(Error::Callback { callback: "Budget".to_owned(), source }))
    }
}

/// Counts the images that were trained on, also those before an interruption.
#[derive(Clone, Default)]
struct Odometer(Rc<Cell<usize>>);

impl<M: Model<I>, I, T> Callback<M, I, T> for Odometer {
    /// Its memory is found in a checkpoint by this name.
    fn name(&self) -> &'static str {
        "Odometer"
    }

    fn save(&self) -> Value {
        json!(self.0.get())
    }

    fn restore(&mut self, saved: &Value) -> fastburn::Result<()> {
        self.0.set(saved.as_u64().unwrap_or_default() as usize);
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        if let (true, Some(batch)) = (state.training, &state.batch) {
            self.0.set(self.0.get() + batch.len);
        }
        Ok(())
    }
}

/// Interrupts the fit, as a `StopFlag` does when somebody presses Ctrl-C.
struct PowerCut;

impl<M: Model<I>, I, T> Callback<M, I, T> for PowerCut {
    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
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

    step("One that records: Diary");
    let diary = Diary::default();
    let mut plain = learner(&lesson, &dls)?.callback(diary.clone());
    plain.fit(1, LR)?;
    let reached = plain.validate()?.metrics[0];
    let losses = diary.0.take();
    let told = losses.len() == batches.div_ceil(batches.div_ceil(10));
    let claim = format!("the clone that we kept has the {} losses that were said", losses.len());
    lesson.claim(told && losses.last() < losses.first(), claim)?;

    step("One that changes the learning rate, for one fit alone: WarmUp");
    let mut learn = learner(&lesson, &dls)?;
    learn.with(WarmUp::default(), |learn| learn.fit(1, LR))?;
    learn.fit(1, LR)?;
    lesson.save("learning_rate", &plot_schedule(learn.history())?)?;
    let steps = &learn.history().steps;
    let warm = steps[0].lr == LR / WARM_UP as f64 && steps[WARM_UP - 1].lr == LR;
    lesson.claim(warm, format!("it has reached {LR} after {WARM_UP} batches"))?;
    lesson.claim(steps[batches].lr == LR, "and the next fit does not know of it")?;

    step("One that changes the batch: Noise");
    let mut batch = dls.train.batch(&dls.train.order(0), 0, device)?;
    device.seed(lesson.seed);
    add_noise(&mut batch);
    lesson.save("noise", &show_batch(&batch, data.splits.train.classes())?)?;
    // The embedded digits are a tenth of MNIST.
    let epochs = if data.is_mnist { 1 } else { 10 };
    let (mut clean, mut hardened) = (learner(&lesson, &dls)?, learner(&lesson, &dls)?);
    clean.fit(epochs, LR)?;
    hardened.with(Noise, |learn| learn.fit(epochs, LR))?;
    let of_noisy = |learn: &mut Digits| {
        device.seed(lesson.seed);
        learn.with(Noise, |learn| Ok(100.0 * learn.validate()?.metrics[0]))
    };
    let (without, with) = (of_noisy(&mut clean)?, of_noisy(&mut hardened)?);
    println!("Of noisy images, a model that was trained on clean ones gets {without:.1} % right.");
    lesson.claim(with > without, format!("one that was trained on noisy ones gets {with:.1} %"))?;

    step("One that changes the loss: Thrift");
    let mut thrifty = learner(&lesson, &dls)?.callback(Thrift);
    thrifty.fit(1, LR)?;
    let accuracy = thrifty.validate()?.metrics[0];
    println!("accuracy {:.2} % without, {:.2} % with", 100.0 * reached, 100.0 * accuracy);
    let (size, with) = (mean_size(plain.model()), mean_size(thrifty.model()));
    let claim = format!("weights that cost something are smaller: {with:.4}, not {size:.4}");
    lesson.claim(with < 0.75 * size && accuracy > reached - 0.05, claim)?;

    step("Before and behind: order");
    let (before, behind) = (Brightest(-1, Rc::default()), Brightest(1, Rc::default()));
    // Noise has order 0, since it does not say another.
    let learn = learner(&lesson, &dls)?.callback(behind.clone()).callback(Noise);
    learn.callback(before.clone()).validate()?;
    let (before, behind) = (before.1.get(), behind.1.get());
    let claim = format!("order -1 saw at most {before:.2}, and 1, behind the noise, {behind:.2}");
    lesson.claim(before <= 1.0 && behind > 1.0, claim)?;

    step("One that leaves a part of the fit early: ShortEpoch");
    let mut learn = learner(&lesson, &dls)?.callback(ShortEpoch(SHORT));
    learn.fit(3, LR)?;
    println!("Scope::Batch, Train, Validate, Epoch and Fit can be left.");
    let (rows, steps) = (&learn.history().epochs, learn.history().steps.len());
    lesson.claim(steps == 3 * SHORT, format!("three epochs of {SHORT} batches each"))?;
    let validated = rows.iter().all(|row| row.valid_loss.is_some());
    lesson.claim(rows.len() == 3 && validated, "each of which was validated all the same")?;

    step("One that ends the fit with an error: Budget");
    let mut learn = learner(&lesson, &dls)?;
    let error = learn.with(Budget(SHORT), |learn| learn.fit(1, LR)).unwrap_err().to_string();
    println!("error: {error}");
    let kept = learn.history().steps.len() == SHORT && error.starts_with("Budget: ");
    lesson.claim(kept, "fit returns it; the batches before it are in the history")?;
    learn.fit(1, LR)?;
    lesson.claim(learn.history().steps.len() == SHORT + batches, "and without it one goes on")?;

    step("One with a memory: Odometer");
    let place = tempfile::tempdir()?;
    let odometer = Odometer::default();
    let folder = CheckpointFolder::create(place.path())?;
    let mut learn =
        learner(&lesson, &dls)?.callback(odometer.clone()).callback(Checkpoint::new(folder));
    learn.with(PowerCut, |learn| learn.fit(1, LR))?;
    drop(learn);
    println!("{} images, then the power was cut", odometer.0.get());

    let mut folder = CheckpointFolder::open(place.path())?;
    let saved = folder.newest()?;
    let odometer = Odometer::default();
    let mut learn = learner(&lesson, &dls)?.callback(odometer.clone());
    learn.resume(&saved)?;
    learn.fit(1, LR)?;
    let images = odometer.0.get();
    let claim = format!("{images} images at the end, as many as an unbroken run has");
    lesson.claim(images == batches * BATCH, claim)?;
    let resumed = learn.validate()?.metrics[0];
    let claim = format!("and the accuracy of that run as well: {:.2} %", 100.0 * resumed);
    lesson.claim((resumed - reached).abs() < 1e-3, claim)
}

fn learner(lesson: &Lesson, dls: &DataLoaders<Tensor<4>, Tensor<1, Int>>) -> Result<Digits> {
    let model = MlpConfig::new([28 * 28, 50, 10]).init(&lesson.device, lesson.seed)?;
    Ok(Learner::new(dls.clone(), model, cross_entropy).metric(accuracy()))
}

/// The mean of the sizes of the first layer's weights.
fn mean_size(model: &Mlp) -> f32 {
    model.layers[0].weight.val().abs().mean().into_scalar()
}
