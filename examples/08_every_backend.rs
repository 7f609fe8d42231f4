//! Lesson 8: the same models on every backend.
//!
//! You will learn that a model does not depend on the device. One forward pass, one gradient and
//! twenty training steps of an MLP, a convolutional net and a narrow ResNet, from the same weights,
//! run on every available device of this build. The results are compared number by number.
//! `--device` has no effect here. With a GPU, add its backend, and share the report:
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
use burn::tensor::{Device, Int, Tensor};
use fastburn::Seed;
use fastburn::data::{Batch, DataLoader, class_indices};
use fastburn::device::{self, DeviceInfo, DeviceKind};
use fastburn::loss::cross_entropy;
use fastburn::models::{
    AnyModel, BlockKind, ConvNetConfig, MlpConfig, Model, Registry, ResNetConfig, StateDict, Stem,
};
use fastburn::optim::OptimizerKind;
use fastburn::plot::Chart;
use fastburn::vision::{ImageSource, Images, Residency};
use lesson::{Lesson, step};

const BATCH: usize = 64;
const STEPS: usize = 20;

type ImageBatch = Batch<Tensor<4>, Tensor<1, Int>>;

/// A model to compare, and the largest allowed difference of each result. Backends sum float32
/// products in different orders. In a net with many ReLUs, some inputs of a ReLU are so near 0 that
/// such a difference decides whether a gradient passes, and training steps multiply what follows:
/// the more, the larger they are.
struct Case {
    name: &'static str,
    make: fn(&Device, u64) -> fastburn::Result<AnyModel>,
    /// The learning rate of the twenty steps.
    rate: f64,
    tolerances: [f32; 3],
}

const CASES: [Case; 3] = [
    Case {
        name: "mlp",
        make: |device, seed| Ok(MlpConfig::new([784, 100, 10]).init(device, seed)?.into()),
        rate: 0.1,
        tolerances: [1e-4, 1e-4, 1e-4],
    },
    Case {
        name: "convnet",
        make: |device, seed| Ok(ConvNetConfig::new(1, [8, 16, 32], 10).init(device, seed)?.into()),
        rate: 0.01,
        tolerances: [1e-4, 3e-2, 1e-2],
    },
    Case {
        name: "resnet",
        make: |device, seed| {
            let narrow = ResNetConfig::new(1, BlockKind::Basic, [1, 1, 1, 1], 10);
            let narrow = narrow.with_widths([4, 8, 8, 16]).with_stem(Stem::Small);
            Ok(narrow.init(device, seed)?.into())
        },
        rate: 0.05,
        tolerances: [1e-4, 3e-2, 1e-2],
    },
];

/// The results of one model on one device, read back to the host.
struct Results {
    logits: Vec<f32>,
    /// Of all weights.
    gradient: Vec<f32>,
    losses: Vec<f32>,
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
    println!("seed {}; batches of {BATCH}; cross-entropy", lesson.seed);
    println!("{STEPS} steps of SGD");
    let mut devices = device::list();
    // The CPU comes first, as the reference for the others.
    devices.sort_by_key(|device| device.kind != DeviceKind::Cpu);
    for device in &devices {
        println!("{:<10} {}, {} ({})", device.name, device.kind, device.adapter, device.driver);
    }
    let mut claims = Vec::new();
    for case in &CASES {
        claims.extend(compare(case, &devices, &images, &lesson)?);
    }
    println!(
        "\nThe first run is of all three parts. In it a GPU compiles and tunes its kernels.\n\
         A float32 sum depends on the order of its terms, which differs between backends.\n\
         Each training step adds to the small differences of the previous ones."
    );

    step("Results");
    claims.into_iter().try_for_each(|(holds, claim)| lesson.claim(holds, claim))
}

/// Compares a model on all devices. Returns what is claimed of it.
fn compare(
    case: &Case,
    devices: &[DeviceInfo],
    images: &Images,
    lesson: &Lesson,
) -> Result<[(bool, String); 2]> {
    let results = devices.iter().map(|device| compute(case, device, images, lesson.seed));
    let results = results.collect::<Result<Vec<_>>>()?;
    let model = (case.make)(&devices[0].open()?, lesson.seed)?.description()?;
    println!("\n{model}, learning rate {}", case.rate);
    println!("difference from {}, relative to the size of all values", devices[0].name);
    println!("{:<10} {:>9} {:>9} {:>9}", "", "logits", "gradient", "losses");
    let mut agree = true;
    for (device, found) in devices.iter().zip(&results) {
        let differences = differences(&results[0], found);
        let cells = differences.map(|difference| format!("{difference:>9.1e}"));
        println!("{:<10} {}", device.name, cells.join(" "));
        let is_close = |(found, most): (f32, f32)| found < most;
        agree &= differences.into_iter().zip(case.tolerances).all(is_close);
    }
    println!("\nmilliseconds");
    println!("{:<10} {:>9} {:>9} {:>9} {:>9}", "", "first run", "forward", "gradient", "20 steps");
    for (device, found) in devices.iter().zip(&results) {
        let cells = found.times.map(|time| format!("{time:>9.2}"));
        println!("{:<10} {}", device.name, cells.join(" "));
    }

    let title = format!("{}: losses on each device, compared with {}", case.name, devices[0].name);
    let mut chart = Chart::new(title).axes("step", "difference of the loss");
    for (device, found) in devices.iter().zip(&results).skip(1) {
        let pairs = results[0].losses.iter().zip(&found.losses);
        let differences = pairs.map(|(expected, found)| f64::from(found - expected));
        chart = chart.marked_line(&device.name, (1..).map(f64::from).zip(differences));
    }
    lesson.save(&format!("{}_differences", case.name), &chart.draw()?)?;

    // The means of some steps, since each has other images.
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    let (first, last) = (..STEPS / 4, STEPS - STEPS / 4..);
    let falls = |found: &Results| mean(&found.losses[last.clone()]) < mean(&found.losses[first]);
    let falls = results.iter().all(falls);
    let [logits, gradient, losses] = case.tolerances;
    Ok([
        (falls, format!("{STEPS} steps of the {} reduce the loss on every device", case.name)),
        (
            agree,
            format!(
                "its logits differ by less than {logits:e}, gradients by {gradient:e}, losses by \
                 {losses:e}"
            ),
        ),
    ])
}

fn compute(case: &Case, info: &DeviceInfo, images: &Images, seed: u64) -> Result<Results> {
    let device = info.open()?.autodiff();
    let source = ImageSource::new(images.clone(), class_indices, &device, Residency::Auto);
    let loader = DataLoader::new(source).batch_size(BATCH)?.shuffle(Seed::new(seed));
    let order = loader.order(0);
    let batches = (0..STEPS).map(|index| loader.batch(&order, index, &device));
    let batches = batches.collect::<fastburn::Result<Vec<_>>>()?;
    // The weights are drawn on the host, and therefore the same on every device. Each part gets a
    // model of its own, since a forward pass in training changes the running statistics of norms.
    let make = || (case.make)(&device, seed);

    let first_run = Instant::now();
    let logits = values(&make()?.forward(batches[0].input.clone()))?;
    let gradient = gradient(make()?, &batches[0])?;
    let losses = train(make()?, batches.clone(), case.rate)?;
    let first_run = milliseconds(first_run);

    let model = make()?;
    let forward = Instant::now();
    values(&model.forward(batches[0].input.clone()))?;
    let forward = milliseconds(forward);

    let backward = Instant::now();
    self::gradient(make()?, &batches[0])?;
    let backward = milliseconds(backward);

    let training = Instant::now();
    train(make()?, batches, case.rate)?;
    let training = milliseconds(training);
    Ok(Results { logits, gradient, losses, times: [first_run, forward, backward, training] })
}

/// Returns the gradient of all weights: what a step of SGD with a learning rate of 1 subtracts.
fn gradient(model: AnyModel, batch: &ImageBatch) -> Result<Vec<f32>> {
    let before = StateDict::of(&model)?;
    let after = StateDict::of(&step_of_sgd(model, batch, 1.0)?.0)?;
    let floats = |weights: &StateDict, name: &str| {
        weights.values(name).map(<[f32]>::to_vec).unwrap_or_default()
    };
    let change = |name: &str| {
        let (before, after) = (floats(&before, name), floats(&after, name));
        before.into_iter().zip(after).map(|(before, after)| before - after).collect::<Vec<_>>()
    };
    Ok(before.names().filter(|name| !name.contains("running_")).flat_map(change).collect())
}

/// Takes a step for each batch. Returns their losses.
fn train(mut model: AnyModel, batches: Vec<ImageBatch>, rate: f64) -> Result<Vec<f32>> {
    let mut losses = Vec::new();
    for batch in batches {
        let (next, loss) = step_of_sgd(model, &batch, rate)?;
        losses.push(loss);
        model = next;
    }
    values(&Tensor::cat(losses, 0))
}

fn step_of_sgd(model: AnyModel, batch: &ImageBatch, rate: f64) -> Result<(AnyModel, Tensor<1>)> {
    let mut optimizer = ModuleOptimizer::from(OptimizerKind::Sgd);
    let loss = cross_entropy(model.forward(batch.input.clone()), batch.target.clone())?;
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    Ok((optimizer.step(rate, model, gradients), loss.inner()))
}

/// Returns the size of each list's difference (its Euclidean norm), relative to that of the list.
fn differences(expected: &Results, found: &Results) -> [f32; 3] {
    let size = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    let relative = |a: &[f32], b: &[f32]| {
        let difference = size(&mut a.iter().zip(b).map(|(a, b)| a - b));
        difference / size(&mut a.iter().copied())
    };
    [
        relative(&expected.logits, &found.logits),
        relative(&expected.gradient, &found.gradient),
        relative(&expected.losses, &found.losses),
    ]
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.clone().try_into_vec_as::<f32>().context("read a tensor")
}

fn milliseconds(since: Instant) -> f64 {
    1000.0 * since.elapsed().as_secs_f64()
}
