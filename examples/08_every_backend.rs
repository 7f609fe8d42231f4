//! Lesson 8: the same model on every backend.
//!
//! You will learn that a model knows nothing of where it computes: one forward pass, one gradient
//! and twenty training steps of one model, from one set of weights, on every device that this build
//! has on this machine, compared number by number; `--device` changes nothing here. With a GPU, add
//! its backend and paste the report:
//!
//! ```sh
//! cargo run --release --example 08_every_backend
//! cargo run --release --example 08_every_backend --features wgpu
//! ```

#[allow(dead_code, reason = "each lesson uses its part")]
mod lesson;

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use burn::data::dataset::Dataset;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Int, Tensor};
use fastburn::Seed;
use fastburn::data::{Batch, DataLoader, class_indices};
use fastburn::device::{self, DeviceInfo, DeviceKind};
use fastburn::loss::cross_entropy;
use fastburn::models::{Mlp, MlpConfig, Model};
use fastburn::optim::OptimizerKind;
use fastburn::plot::Chart;
use fastburn::vision::{ImageSource, Images, Residency};
use lesson::{Lesson, step};

const WIDTHS: [usize; 3] = [28 * 28, 100, 10];
const BATCH: usize = 64;
const STEPS: usize = 20;
const LR: f64 = 0.1;
/// How far float32 may be off, relative to the largest value: sums of 784 products in another
/// order.
const TOLERANCE: f32 = 1e-4;

type ImageBatch = Batch<Tensor<4>, Tensor<1, Int>>;

/// What one device computed, on the host, and how long each part took.
struct Results {
    logits: Vec<f32>,
    gradient: Vec<f32>,
    losses: Vec<f32>,
    weights: Vec<f32>,
    /// All three for the first time, and then each of them again, in milliseconds.
    times: [f64; 4],
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("08_every_backend")?;
    let folder = lesson.data()?.splits.train;
    ensure!(folder.len() >= BATCH * STEPS, "there must be {} images at least", BATCH * STEPS);
    // As many images as the steps take, from all classes.
    let apart = folder.len() / (BATCH * STEPS);
    let indices: Vec<usize> = (0..BATCH * STEPS).map(|index| index * apart).collect();
    let images = Images::decode(&folder.subset(&indices))?;

    step("The report");
    println!(
        "fastburn {} on {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let [inputs, hidden, outputs] = WIDTHS;
    println!(
        "an mlp {inputs}-{hidden}-{outputs}, seed {}; batches of {BATCH}; cross-entropy",
        lesson.seed
    );
    println!("{STEPS} steps of SGD, learning rate {LR}");
    let mut devices = device::list();
    // The processor first: it is what the others are compared with.
    devices.sort_by_key(|device| device.kind != DeviceKind::Cpu);
    for device in &devices {
        println!("{:<10} {}, {} ({})", device.name, device.kind, device.adapter, device.driver);
    }
    let mut results = Vec::new();
    for device in &devices {
        results.push(compute(device, &images, lesson.seed)?);
    }

    println!("\nlargest difference to {}, relative to the largest value", devices[0].name);
    println!("{:<10} {:>9} {:>9} {:>9} {:>9}", "", "logits", "gradient", "losses", "weights");
    let mut worst = 0.0;
    for (device, found) in devices.iter().zip(&results) {
        let differences = differences(&results[0], found);
        let cells = differences.map(|difference| format!("{difference:>9.1e}"));
        println!("{:<10} {}", device.name, cells.join(" "));
        worst = differences.into_iter().fold(worst, largest);
    }

    println!("\nmilliseconds");
    println!("{:<10} {:>9} {:>9} {:>9} {:>9}", "", "first run", "forward", "gradient", "20 steps");
    for (device, found) in devices.iter().zip(&results) {
        let cells = found.times.map(|time| format!("{time:>9.2}"));
        println!("{:<10} {}", device.name, cells.join(" "));
    }
    println!("The first run is of all three; a GPU compiles and tunes its kernels in it.");

    println!(
        "A sum of float32 depends on the order of its terms, and each backend has its own;\n\
         every step of the training builds on the small differences of the one before."
    );
    let mut chart = Chart::new(format!("losses on each device, compared with {}", devices[0].name))
        .axes("step", "difference of the loss");
    for (device, found) in devices.iter().zip(&results).skip(1) {
        let pairs = results[0].losses.iter().zip(&found.losses);
        let differences = pairs.map(|(expected, found)| f64::from(found - expected));
        chart = chart.marked_line(&device.name, (1..).map(f64::from).zip(differences));
    }
    lesson.save("differences", &chart.draw()?)?;

    step("What was shown");
    let falls = results.iter().all(|found| found.losses[STEPS - 1] < found.losses[0]);
    lesson.claim(
        falls,
        format!("{STEPS} steps reduce the loss on each of {} devices", devices.len()),
    )?;
    lesson.claim(worst < TOLERANCE, format!("no number differs by more than {TOLERANCE:e}"))
}

fn compute(info: &DeviceInfo, images: &Images, seed: u64) -> Result<Results> {
    let device = info.open()?.autodiff();
    let source = ImageSource::new(images.clone(), class_indices, &device, Residency::Auto);
    let loader = DataLoader::new(source).batch_size(BATCH)?.shuffle(Seed::new(seed));
    let order = loader.order(0);
    let batches = (0..STEPS).map(|index| loader.batch(&order, index, &device));
    let batches = batches.collect::<fastburn::Result<Vec<_>>>()?;
    // The weights are drawn on the host: they are the same on every device.
    let model = MlpConfig::new(WIDTHS).init(&device, seed)?;

    let first_run = Instant::now();
    let logits = values(&model.forward(batches[0].input.clone()))?;
    let gradient = first_gradient(&model, &batches[0])?;
    let (losses, weights) = train(model.clone(), batches.clone())?;
    let first_run = milliseconds(first_run);

    let forward = Instant::now();
    values(&model.forward(batches[0].input.clone()))?;
    let forward = milliseconds(forward);

    let backward = Instant::now();
    first_gradient(&model, &batches[0])?;
    let backward = milliseconds(backward);

    let training = Instant::now();
    train(model, batches)?;
    let training = milliseconds(training);
    let times = [first_run, forward, backward, training];
    Ok(Results { logits, gradient, losses, weights, times })
}

/// The slope of the first layer's weights.
fn first_gradient(model: &Mlp, batch: &ImageBatch) -> Result<Vec<f32>> {
    let loss = cross_entropy(model.forward(batch.input.clone()), batch.target.clone())?;
    let weight = model.layers[0].weight.val();
    values(&weight.grad(&loss.backward()).context("the first layer has no gradient")?)
}

/// A step for each batch: their losses, and the first layer's weights after them.
fn train(mut model: Mlp, batches: Vec<ImageBatch>) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut optimizer = ModuleOptimizer::from(OptimizerKind::Sgd);
    let mut losses = Vec::new();
    for batch in batches {
        let loss = cross_entropy(model.forward(batch.input), batch.target)?;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        losses.push(loss.inner());
        model = optimizer.step(LR, model, gradients);
    }
    Ok((values(&Tensor::cat(losses, 0))?, values(&model.layers[0].weight.val())?))
}

/// The largest difference of each list, relative to the first one's largest value.
fn differences(expected: &Results, found: &Results) -> [f32; 4] {
    let relative = |a: &[f32], b: &[f32]| {
        let difference = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, largest);
        difference / a.iter().map(|a| a.abs()).fold(0.0, largest)
    };
    [
        relative(&expected.logits, &found.logits),
        relative(&expected.gradient, &found.gradient),
        relative(&expected.losses, &found.losses),
        relative(&expected.weights, &found.weights),
    ]
}

/// The larger of two numbers; NaN, which `f32::max` would pass over, if one of them is.
fn largest(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.clone().try_into_vec_as::<f32>().context("read a tensor")
}

fn milliseconds(since: Instant) -> f64 {
    1000.0 * since.elapsed().as_secs_f64()
}
