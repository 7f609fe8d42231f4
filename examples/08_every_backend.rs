//! Lesson 8: the same model on every backend.
//!
//! You will learn that a model does not depend on the device. One forward pass, one gradient and
//! twenty training steps, from the same weights, run on every available device of this build. The
//! results are compared number by number. `--device` has no effect here. With a GPU, add its
//! backend, and share the report:
//!
//! ```sh
//! cargo run --release --example 08_every_backend
//! cargo run --release --example 08_every_backend --features wgpu
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
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
/// The largest allowed difference, relative to the largest value. Backends sum 784 float32 products
/// in different orders.
const TOLERANCE: f32 = 1e-4;

type ImageBatch = Batch<Tensor<4>, Tensor<1, Int>>;

/// The results of one device, read back to the host, and the time of each part.
struct Results {
    logits: Vec<f32>,
    gradient: Vec<f32>,
    losses: Vec<f32>,
    weights: Vec<f32>,
    /// Milliseconds of the first run of all three parts, and of each part in a second run.
    times: [f64; 4],
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("08_every_backend")?;
    let folder = lesson.data()?.splits.train;
    let (found, needed) = (folder.len(), BATCH * STEPS);
    ensure!(found >= needed, "expected at least {needed} training images, found {found}");
    // Evenly spaced images, so that all classes occur.
    let stride = found / needed;
    let indices: Vec<usize> = (0..needed).map(|index| index * stride).collect();
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
    // The CPU comes first, as the reference for the others.
    devices.sort_by_key(|device| device.kind != DeviceKind::Cpu);
    for device in &devices {
        println!("{:<10} {}, {} ({})", device.name, device.kind, device.adapter, device.driver);
    }
    let mut results = Vec::new();
    for device in &devices {
        results.push(compute(device, &images, lesson.seed)?);
    }

    println!("\nlargest difference from {}, relative to the largest value", devices[0].name);
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
    println!("The first run is of all three. In it a GPU compiles and tunes its kernels.");

    println!(
        "A float32 sum depends on the order of its terms, which differs between backends.\n\
         Each training step adds to the small differences of the previous ones."
    );
    let mut chart = Chart::new(format!("losses on each device, compared with {}", devices[0].name))
        .axes("step", "difference of the loss");
    for (device, found) in devices.iter().zip(&results).skip(1) {
        let pairs = results[0].losses.iter().zip(&found.losses);
        let differences = pairs.map(|(expected, found)| f64::from(found - expected));
        chart = chart.marked_line(&device.name, (1..).map(f64::from).zip(differences));
    }
    lesson.save("differences", &chart.draw()?)?;

    step("Results");
    let falls = results.iter().all(|found| found.losses[STEPS - 1] < found.losses[0]);
    let claim = format!("{STEPS} steps reduce the loss on every device, {} here", devices.len());
    lesson.claim(falls, claim)?;
    lesson.claim(worst < TOLERANCE, format!("no number differs by {TOLERANCE:e} or more"))
}

fn compute(info: &DeviceInfo, images: &Images, seed: u64) -> Result<Results> {
    let device = info.open()?.autodiff();
    let source = ImageSource::new(images.clone(), class_indices, &device, Residency::Auto);
    let loader = DataLoader::new(source).batch_size(BATCH)?.shuffle(Seed::new(seed));
    let order = loader.order(0);
    let batches = (0..STEPS).map(|index| loader.batch(&order, index, &device));
    let batches = batches.collect::<fastburn::Result<Vec<_>>>()?;
    // The weights are drawn on the host, and therefore the same on every device.
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

/// Returns the gradient of the first layer's weights.
fn first_gradient(model: &Mlp, batch: &ImageBatch) -> Result<Vec<f32>> {
    let loss = cross_entropy(model.forward(batch.input.clone()), batch.target.clone())?;
    let weight = model.layers[0].weight.val();
    values(&weight.grad(&loss.backward()).context("the first layer has no gradient")?)
}

/// Takes a step for each batch. Returns their losses, and the first layer's weights at the end.
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

/// Returns the largest difference of each list, relative to the largest expected value.
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

/// Returns the larger of two numbers, or NaN if one of them is, which `f32::max` would ignore.
fn largest(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.clone().try_into_vec_as::<f32>().context("read a tensor")
}

fn milliseconds(since: Instant) -> f64 {
    1000.0 * since.elapsed().as_secs_f64()
}
