//! Step times of convolutional nets on random images, and the rate of their multiplications.
//!
//! ```sh
//! cargo bench --bench convnets -- --device flex
//! ```
//!
//! `--only TEXT` measures the rows whose names contain TEXT. A step is everything that
//! `Learner::fit` does with a batch: gathering it, forward pass, loss, backward pass, Adam,
//! recording. `pytorch_convnets.py` in this folder prints the same rows for PyTorch.

#[allow(dead_code, reason = "each benchmark uses only a part of it")]
mod shared;

use std::time::Instant;

use burn::tensor::{Device, Distribution, Int, Tensor};
use fastburn::data::{DataLoader, DataLoaders, TensorSource};
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::{AnyModel, ModelOptions, Registry, layers_of};
use shared::{Error, Options, TrainOnly, median};

/// The number of measured rounds, which follow one warm-up round.
const ROUNDS: usize = 7;
const BATCH: usize = 64;
const CLASSES: usize = 10;
/// The operations of a step for each multiply-add of a forward pass: a multiplication and an
/// addition, for the outputs, the gradients of the weights, and the gradients of the inputs.
const OPERATIONS: f64 = 2.0 * 3.0;

fn main() -> Result<(), Error> {
    let options = Options::parse()?;
    let device = options.device()?;
    println!("{:<24}  step        images/s   GFLOP  GFLOP/s", "workload");
    for (model, shape, steps) in [("convnet", [1, 28, 28], 100), ("resnet18", [3, 64, 64], 3)] {
        let [channels, height, width] = shape;
        let name = format!("{model} {channels}×{height}×{width}, {BATCH}");
        if options.wants(&name) {
            measure(&name, model, shape, steps, &device)?;
        }
    }
    Ok(())
}

/// Prints the row of a model by name, for images `[channels, height, width]`.
fn measure(
    name: &str,
    model: &str,
    shape: [usize; 3],
    steps: usize,
    device: &Device,
) -> Result<(), Error> {
    let [channels, height, width] = shape;
    let architecture =
        AnyModel::named(model)?.architecture(&shape, CLASSES, &ModelOptions::new())?;
    let model = AnyModel::from_architecture(&architecture, device, 0)?;
    let image = Tensor::<4>::zeros([1, channels, height, width], device);
    let products = layers_of(&model, Some(image)).into_iter();
    let products: u64 = products.filter_map(|layer| layer.multiply_adds).sum();

    let items = BATCH * steps;
    let images = [items, channels, height, width];
    let images = Tensor::<4>::random(images, Distribution::Normal(0.0, 1.0), device);
    let labels = Tensor::<1, Int>::arange(0..items as i64, device) % CLASSES as i64;
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
    let step = median(rounds);
    let operations = OPERATIONS * products as f64 * BATCH as f64 / 1e9;
    println!(
        "{name:<24}  {:>7.2} ms  {:>8.0}  {operations:>6.1}  {:>7.1}",
        1e3 * step,
        BATCH as f64 / step,
        operations / step
    );
    Ok(())
}
