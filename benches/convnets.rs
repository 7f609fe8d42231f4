//! Step times of convolutional nets on random images, and the rate of their multiplications.
//!
//! ```sh
//! cargo bench --bench convnets -- --device flex
//! ```
//!
//! `--only TEXT` measures the rows whose names contain TEXT. A step is everything that
//! `Learner::fit` does with a batch: gathering it, forward pass, loss, backward pass, Adam,
//! recording. `pytorch_convnets.py` in this folder prints the same rows for PyTorch.

use std::time::Instant;

use burn::tensor::{Distribution, Int, Tensor};
use fastburn::data::{DataLoader, DataLoaders, TensorSource};
use fastburn::device;
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::CrossEntropy;
use fastburn::models::{AnyModel, ModelOptions, Registry, layers_of};

/// The program's allocator: see `src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Error = Box<dyn std::error::Error>;

/// The number of measured rounds, which follow one warm-up round.
const ROUNDS: usize = 7;
const BATCH: usize = 64;
const CLASSES: usize = 10;
/// The operations of a step for each multiply-add of a forward pass: a multiplication and an
/// addition, for the outputs, the gradients of the weights, and the gradients of the inputs.
const OPERATIONS: f64 = 2.0 * 3.0;

fn main() -> Result<(), Error> {
    let mut device = "auto".to_owned();
    let mut only = String::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--device" => device = arguments.next().ok_or("--device needs a name")?,
            "--only" => only = arguments.next().ok_or("--only needs TEXT")?,
            "--bench" => {} // passed by cargo
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let info = device::find(&device)?;
    let device = info.open()?;
    println!("device {} ({}, {})", info.name, info.kind, info.adapter);
    println!("{:<24}  step        images/s   GFLOP  GFLOP/s", "workload");
    for (model, shape, steps) in [("convnet", [1, 28, 28], 100), ("resnet18", [3, 64, 64], 3)] {
        let [channels, height, width] = shape;
        let name = format!("{model} {channels}×{height}×{width}, {BATCH}");
        if !name.contains(&only) {
            continue;
        }
        let named = AnyModel::named(model)?;
        let architecture = named.architecture(&shape, CLASSES, &ModelOptions::new())?;
        let model = AnyModel::from_architecture(&architecture, &device, 0)?;
        let image = Tensor::<4>::zeros([1, channels, height, width], &device);
        let products = layers_of(&model, Some(image)).into_iter();
        let products: u64 = products.filter_map(|layer| layer.multiply_adds).sum();

        let items = BATCH * steps;
        let images = [items, channels, height, width];
        let images = Tensor::<4>::random(images, Distribution::Normal(0.0, 1.0), &device);
        let labels = Tensor::<1, Int>::arange(0..items as i64, &device) % CLASSES as i64;
        let loader = DataLoader::new(TensorSource::new(images, labels)?).batch_size(BATCH)?;
        let dls = DataLoaders::from_loaders(loader.clone(), loader);
        let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(TrainOnly);
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            let start = Instant::now();
            learn.fit(1, 1e-3)?;
            if round > 0 {
                rounds.push(start.elapsed().as_secs_f64() / steps as f64);
            }
        }
        rounds.sort_by(f64::total_cmp);
        let step = rounds[ROUNDS / 2];
        let operations = OPERATIONS * products as f64 * BATCH as f64 / 1e9;
        println!(
            "{name:<24}  {:>7.2} ms  {:>8.0}  {operations:>6.1}  {:>7.1}",
            1e3 * step,
            BATCH as f64 / step,
            operations / step
        );
    }
    Ok(())
}

/// Skips validation, so that an epoch is its training part.
struct TrainOnly;

impl<T: Task> Callback<T> for TrainOnly {
    fn before_validate(&mut self, _: &mut State<T>) -> Flow {
        Err(Stop::Cancel(Scope::Validate))
    }
}
