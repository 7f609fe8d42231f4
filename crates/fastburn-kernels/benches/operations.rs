//! Times of single operations, beside Burn's own on flex.
//!
//! ```sh
//! cargo bench -p fastburn-kernels --features flex --bench operations
//! ```
//!
//! Forward and backward, in milliseconds: the median of some runs, on a thread of rayon's pool. The
//! gradient of the output is row-major, and bringing it into the order of images counts. `--own`
//! leaves Burn's out, and `--only TEXT` all operations without TEXT.

use std::time::Instant;

use burn::tensor::module::{
    batch_norm_train, conv2d as burn_conv2d, linear as burn_linear, max_pool2d as burn_max_pool2d,
};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Distribution, Tensor};
use fastburn_kernels::{Epilogue, batch_norm_training, conv2d, linear, max_pool2d, relu};

/// As in the program: the system's allocator gives large buffers back, and each would be new pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 21;

fn main() {
    rayon::scope(|_| operations());
}

fn operations() {
    let arguments: Vec<String> = std::env::args().collect();
    let own_only = arguments.iter().any(|argument| argument == "--own");
    let only = arguments.iter().skip_while(|argument| *argument != "--only").nth(1);
    println!("{:<26}  kernels: forward, backward    Burn: forward, backward", "operation");
    let row = |name: &str, own: &dyn Fn() -> [f64; 2], burns: &dyn Fn() -> [f64; 2]| {
        if only.is_some_and(|only| !name.contains(only)) {
            return;
        }
        let [forward, backward] = own();
        print!("{name:<26}  {forward:>8.2} ms  {backward:>8.2} ms");
        if !own_only {
            let [forward, backward] = burns();
            print!("  {forward:>8.2} ms  {backward:>8.2} ms");
        }
        println!();
    };
    // [batch, inputs, outputs], size, [kernel, stride, padding]
    for ([batch, inputs, outputs], size, [kernel, stride, padding]) in [
        ([64, 1, 16], 28, [5, 2, 2]),
        ([64, 16, 32], 14, [3, 2, 1]),
        ([64, 32, 64], 7, [3, 1, 1]),
        ([256, 24, 32], 13, [3, 1, 1]),
        ([64, 3, 64], 64, [7, 2, 3]),
        ([64, 64, 64], 16, [3, 1, 1]),
        ([64, 128, 128], 8, [3, 1, 1]),
        ([64, 256, 256], 4, [3, 1, 1]),
        ([64, 512, 512], 2, [3, 1, 1]),
        ([16, 64, 64], 56, [3, 1, 1]),
        ([16, 64, 256], 56, [1, 1, 0]),
    ] {
        let images = last(random([batch, inputs, size, size])).require_grad();
        let weight = random([outputs, inputs, kernel, kernel]).require_grad();
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        let name = format!("conv {inputs}→{outputs} {kernel}×{kernel} @{size} b{batch}");
        let own = || conv2d(images.clone(), weight.clone(), None, options.clone());
        let burns = || burn_conv2d(images.clone(), weight.clone(), None, options.clone());
        row(&name, &|| time(own), &|| time(burns));
    }
    for [rows, inputs, outputs] in [
        [64, 784, 30],
        [64, 784, 100],
        [64, 784, 500],
        [64, 500, 10],
        [256, 784, 10],
        [1000, 784, 500],
        [11263, 784, 784],
        [11263, 784, 1],
        [1, 784, 500],
        [1, 512, 1000],
        [1, 784, 1],
        [3, 784, 10],
        [16, 512, 1000],
        [64, 784, 1],
        [64, 2048, 1000],
        [1000, 500, 10],
        [4096, 4096, 4096],
    ] {
        let input = random([rows, inputs]).require_grad();
        let weight = random([inputs, outputs]).require_grad();
        let name = format!("linear {rows}×{inputs}×{outputs}");
        let own = || linear(input.clone(), weight.clone(), None).unsqueeze();
        let burns = || burn_linear(input.clone(), weight.clone(), None).unsqueeze();
        row(&name, &|| time(own), &|| time(burns));
    }
    for [batch, channels, size] in [[64, 16, 14], [64, 64, 16], [16, 64, 56]] {
        let shape = [batch, channels, size, size];
        let maps = last(random(shape)).require_grad();
        let residual = last(random(shape)).require_grad();
        let [weight, bias] = [(); 2].map(|()| random([channels]).require_grad());
        let name = format!("batch norm, add, ReLU {channels}@{size} b{batch}");
        let own = || {
            let epilogue = Epilogue::AddRelu(residual.clone());
            let (maps, weight, bias) = (maps.clone(), weight.clone(), bias.clone());
            batch_norm_training(maps, weight, bias, 1e-5, epilogue).output
        };
        let burns = || {
            let (maps, weight, bias) = (maps.clone(), weight.clone(), bias.clone());
            let output = batch_norm_train(maps, weight, bias, 1e-5).output;
            burn::tensor::activation::relu(output + residual.clone())
        };
        row(&name, &|| time(own), &|| time(burns));
    }
    let maps = last(random([256, 24, 24, 24])).require_grad();
    let options = MaxPoolOptions::new([2, 2]);
    row("max pooling 24@24 b256", &|| time(|| max_pool2d(maps.clone(), options.clone())), &|| {
        time(|| burn_max_pool2d(maps.clone(), options.clone()))
    });
    row("ReLU 24@24 b256", &|| time(|| relu(maps.clone())), &|| {
        time(|| burn::tensor::activation::relu(maps.clone()))
    });
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &device)
}

/// Brings maps into the order that the kernels leave theirs in.
fn last(maps: Tensor<4>) -> Tensor<4> {
    let [_, channels, ..] = maps.dims();
    let device = maps.device();
    let identity = Tensor::<2>::eye(channels, &device).reshape([channels, channels, 1, 1]);
    conv2d(maps, identity, None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1)).detach()
}

/// Returns the median times of a function and of its backward pass, from a gradient of ones.
fn time(function: impl Fn() -> Tensor<4>) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let start = Instant::now();
        let output = function();
        let forward = start.elapsed();
        let start = Instant::now();
        drop(output.backward());
        let backward = start.elapsed();
        if round > 0 {
            times[0].push(forward.as_secs_f64() * 1e3);
            times[1].push(backward.as_secs_f64() * 1e3);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}
