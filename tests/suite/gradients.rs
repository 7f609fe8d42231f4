//! Gradients of convolutional layers and models, against central differences.
//!
//! The differences are taken along random directions, so that eight forward passes check all of a
//! gradient. They stay away from kinks: biases keep the inputs of each ReLU far above 0, and no two
//! values of a pooled window are so near that a step could swap them.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Gradients, Tensor};
use fastburn::layers::{FullPrecision, HeadConfig, Pooling, listen};
use fastburn::models::{BlockKind, ConvNetConfig, Model, ResNetConfig, Shrinking, Stem};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::{each_device, numbers, tensor, values};

/// The length of a step, and the error of a slope that is allowed, relative to the gradient.
#[derive(Clone, Copy)]
struct Accuracy {
    step: f32,
    tolerance: f64,
}

/// Of a function that is linear along each direction: only rounding is an error.
const LINEAR: Accuracy = Accuracy { step: 0.5, tolerance: 1e-4 };
/// Of a smooth function.
const SMOOTH: Accuracy = Accuracy { step: 0.02, tolerance: 1e-2 };
/// Of a function that is linear as long as numbers 0.1 apart keep their order.
const SORTED: Accuracy = Accuracy { step: 0.02, tolerance: 1e-3 };

fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    tensor(numbers(shape.iter().product(), seed), shape, device)
}

/// A sum of the outputs in which each has another weight; in 64 bits, since it is subtracted.
fn scalar<const D: usize>(outputs: Tensor<D>) -> f64 {
    let outputs = values(outputs);
    product(&outputs, &numbers(outputs.len(), 0))
}

fn product(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The gradients of that sum.
fn gradients<const D: usize>(outputs: Tensor<D>) -> Gradients {
    let weights = random(outputs.dims(), 0, &outputs.device());
    (outputs * weights).sum().backward()
}

/// Compares a gradient with the slopes of `scalar_at`, a function of what is added to the values.
#[track_caller]
fn compare(name: &str, gradient: &[f32], accuracy: Accuracy, scalar_at: impl Fn(Vec<f32>) -> f64) {
    let Accuracy { step, tolerance } = accuracy;
    let size = product(gradient, gradient).sqrt();
    assert!(size > 0.0, "{name}: the gradient is 0");
    // The rounding errors of a scalar weigh the more, the shorter a step is.
    let allowed = tolerance * size + 5e-6 / f64::from(step);
    for seed in 1..=2 {
        let direction = numbers(gradient.len(), seed);
        let at = |by: f32| scalar_at(direction.iter().map(|value| value * by).collect());
        // Over four points, so that the error is of the fourth power of the step.
        let (near, far) = (at(step) - at(-step), at(2.0 * step) - at(-2.0 * step));
        let slope = (8.0 * near - far) / f64::from(12.0 * step);
        let error = (slope - product(gradient, &direction)).abs();
        assert!(error <= allowed, "{name}: {error:e} is above {allowed:e}");
    }
}

/// Checks the gradient of inputs.
#[track_caller]
fn check_inputs<const D: usize, const E: usize>(
    inputs: Tensor<D>,
    accuracy: Accuracy,
    forward: impl Fn(Tensor<D>) -> Tensor<E>,
) {
    let inputs = inputs.require_grad();
    let gradient = inputs.grad(&gradients(forward(inputs.clone()))).unwrap();
    compare("inputs", &values(gradient), accuracy, |shift| {
        scalar(forward(inputs.clone() + tensor(shift, inputs.dims(), &inputs.device())))
    });
}

/// Checks the gradient of each parameter of a module.
#[track_caller]
fn check_parameters<M: Module, const E: usize>(
    module: &M,
    accuracy: Accuracy,
    forward: impl Fn(&M) -> Tensor<E>,
) {
    let of = gradients(forward(module));
    let mut collected = Collect { path: Vec::new(), of, found: Vec::new() };
    module.visit(&mut collected);
    assert!(!collected.found.is_empty());
    for (name, gradient) in collected.found {
        compare(&name, &gradient, accuracy, |shift| {
            let shifted = |path: &str| (path == name).then(|| shift.clone());
            scalar(forward(&module.clone().map(&mut Add { path: Vec::new(), shift: shifted })))
        });
    }
}

/// Collects the gradients of all parameters that require one.
struct Collect {
    path: Vec<String>,
    of: Gradients,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (tensor, name) = (param.val(), self.path.join("."));
        if tensor.is_require_grad() {
            let gradient = tensor.grad(&self.of).unwrap_or_else(|| panic!("{name} has none"));
            self.found.push((name, values(gradient)));
        }
    }
}

/// Adds to the parameters with the paths for which `shift` returns something.
struct Add<F> {
    path: Vec<String>,
    shift: F,
}

impl<F: Fn(&str) -> Option<Vec<f32>>> ModuleMapper for Add<F> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(shift) = (self.shift)(&self.path.join(".")) else { return param };
        let (id, before) = (param.id, param.val());
        let shift = tensor(shift, before.dims(), &before.device());
        // A leaf, as a parameter has to be.
        param.transform_for_load((before + shift).detach(), id)
    }
}

/// Adds 6 to the bias of each norm of so many channels, and checks that the inputs of each ReLU are
/// then far above 0.
fn lifted<M: Module + Model<Tensor<4>>>(net: M, channels: usize, images: &Tensor<4>) -> M {
    let shift = |path: &str| path.ends_with("beta").then(|| vec![6.0; channels]);
    let net = net.map(&mut Add { path: Vec::new(), shift });
    let listening = listen(|seen| {
        if seen.layer.contains("norm") || seen.layer.contains("bn") {
            assert!(values(seen.values()).iter().all(|&value| value > 1.0), "{}", seen.layer);
        }
    });
    net.forward(images.clone());
    drop(listening);
    net
}

#[test]
#[should_panic(expected = "is above")]
fn a_gradient_that_is_wrong_by_a_hundredth_is_noticed() {
    let slopes = [1.0, -2.0, 3.0];
    let wrong = slopes.map(|slope| 1.01 * slope);
    compare("wrong", &wrong, LINEAR, |shift| product(&shift, &slopes));
}

#[test]
fn the_gradients_of_a_convolution_are_those_of_central_differences() {
    each_device(|device| {
        let device = device.clone().autodiff();
        // As in the first, the usual and the last block of a model, with odd and even sizes.
        for (kernel, stride, size) in [(5, 2, [7, 6]), (3, 1, [4, 5]), (1, 2, [5, 4])] {
            let padding = kernel / 2;
            let conv = Conv2dConfig::new([2, 3], [kernel; 2])
                .with_stride([stride; 2])
                .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
                .init(&device);
            let conv = Conv2d {
                weight: Param::from_tensor(random([3, 2, kernel, kernel], 3, &device)),
                bias: Some(Param::from_tensor(random([3], 4, &device))),
                ..conv
            };
            let images = random([2, 2, size[0], size[1]], 5, &device);
            check_inputs(images.clone(), LINEAR, |images| conv.forward(images));
            check_parameters(&conv, LINEAR, |conv| conv.forward(images.clone()));
        }
    });
}

#[test]
fn the_gradients_of_a_batch_norm_in_training_are_those_of_central_differences() {
    fn check<const D: usize>(shape: [usize; D], device: &Device) {
        let norm = BatchNormConfig::new(3).init(device);
        let norm: FullPrecision<BatchNorm> = BatchNorm {
            gamma: Param::from_tensor(random([3], 3, device)),
            beta: Param::from_tensor(random([3], 4, device)),
            ..norm
        }
        .into();
        let inputs = random(shape, 5, device);
        check_inputs(inputs.clone(), SMOOTH, |inputs| norm.forward(inputs));
        check_parameters(&norm, LINEAR, |norm| norm.forward(inputs.clone()));
    }
    each_device(|device| {
        let device = device.clone().autodiff();
        check([4, 3, 2, 5], &device);
        check([6, 3], &device);
    });
}

/// Numbers around 0 that differ by 0.1, in random order.
fn distinct(count: usize) -> Vec<f32> {
    let mut numbers: Vec<_> = (0..count).map(|index| index as f32 / 10.0).collect();
    numbers.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    numbers.iter().map(|number| number - count as f32 / 20.0).collect()
}

#[test]
fn the_gradients_of_pooling_are_those_of_central_differences() {
    each_device(|device| {
        let device = device.clone().autodiff();
        for [height, width] in [[5, 3], [1, 1]] {
            let shape = [2, 3, height, width];
            let maps = tensor(distinct(shape.iter().product()), shape, &device);
            for pooling in [Pooling::Average, Pooling::Concat] {
                check_inputs(maps.clone(), SORTED, |maps| pooling.forward(maps));
            }
        }
        // The maximum of 2×2 pixels, within a net that is linear otherwise. Its maps have two
        // channels: with one, a convolution has wrong values on wgpu (Burn 0.22.1), where the width
        // is even and it is fused with what follows.
        let image = tensor(distinct(7 * 5), [1, 1, 7, 5], &device);
        let config = ConvNetConfig::new(1, [2, 2], 2).with_kernel(1);
        let config = config.with_shrinking(Shrinking::MaxPool);
        let net = lifted(config.init(&device, 7).unwrap().freeze(), 2, &image);
        check_inputs(image, SORTED, |image| net.features(image));
    });
}

#[test]
fn the_gradients_of_a_head_are_those_of_central_differences() {
    each_device(|device| {
        let device = device.clone().autodiff();
        let config = HeadConfig { hidden: Vec::new(), dropout: 0.0, ..HeadConfig::fastai() };
        let head = config.init(2, 3, &device, 1).unwrap();
        let maps = tensor(distinct(5 * 2 * 3 * 4), [5, 2, 3, 4], &device);
        check_inputs(maps.clone(), SORTED, |maps| head.forward(maps));
        check_parameters(&head, LINEAR, |head| head.forward(maps.clone()));
    });
}

#[test]
fn the_gradients_of_a_convnet_are_those_of_central_differences() {
    each_device(|device| {
        let device = device.clone().autodiff();
        let images = random([4, 2, 6, 5], 2, &device);
        let config = ConvNetConfig::new(2, [3, 3], 2).with_head(HeadConfig::linear());
        let net = lifted(config.init(&device, 1).unwrap(), 3, &images);
        check_inputs(images.clone(), SMOOTH, |images| net.forward(images));
        check_parameters(&net, SMOOTH, |net| net.forward(images.clone()));
    });
}

#[test]
fn the_gradients_of_residual_blocks_are_those_of_central_differences() {
    each_device(|device| {
        let device = device.clone().autodiff();
        let images = random([3, 1, 12, 9], 2, &device);
        let config = ResNetConfig::new(1, BlockKind::Basic, [1, 1, 1, 1], 2);
        let config = config.with_widths([2, 2, 2, 2]).with_stem(Stem::Small);
        let net = lifted(config.init(&device, 1).unwrap(), 2, &images);
        check_inputs(images.clone(), SMOOTH, |images| net.forward(images));
        check_parameters(&net, SMOOTH, |net| net.forward(images.clone()));
    });
}
