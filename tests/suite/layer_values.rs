//! What layers compute, on every backend, against loops in 64 bits.

use std::cell::RefCell;
use std::rc::Rc;

use burn::module::{Module, ModuleMapper, Param, RunningState};
use burn::nn::conv::Conv2dConfig;
use burn::nn::{BatchNorm, BatchNormConfig, DropoutConfig};
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::layers::{Epilogue, FullPrecision, HeadConfig, Pooling, conv2d, conv2d_norm, listen};
use fastburn::models::{ConvNetConfig, Model, Shrinking, StateDict};

use crate::support::{assert_close, each_device, numbers, tensor, values};

/// Numbers around `mean`, at most 1 apart from it.
fn numbers_around(mean: f32, count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).iter().map(|number| mean + number).collect()
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

#[test]
fn global_pooling_returns_the_maximum_and_the_mean_of_each_map() {
    each_device(|device| {
        for [height, width] in [[1, 1], [5, 3], [4, 6]] {
            // Below 0, so that padding with zeros would show.
            let pixels = numbers_around(-2.0, 2 * 3 * height * width, 1);
            let maps = tensor(pixels.clone(), [2, 3, height, width], device);
            let each = || pixels.chunks(height * width);
            let means: Vec<f32> =
                each().map(|map| mean(map.iter().map(|&p| f64::from(p))) as f32).collect();
            let maxima: Vec<f32> =
                each().map(|map| map.iter().copied().fold(f32::MIN, f32::max)).collect();
            assert_close(&values(Pooling::Average.forward(maps.clone())), &means, 1e-6, 0.0);
            let both: Vec<f32> = maxima
                .chunks(3)
                .zip(means.chunks(3))
                .flat_map(|(maxima, means)| [maxima, means].concat())
                .collect();
            assert_close(&values(Pooling::Concat.forward(maps)), &both, 1e-6, 0.0);
        }
    });
}

#[test]
fn max_pooling_drops_an_odd_row_and_keeps_a_map_of_one_pixel() {
    each_device(|device| {
        // Both convolutions pass the pixels on, so that only the pooling between them is left.
        let config = ConvNetConfig::new(1, [1, 1], 2).with_kernel(3);
        let net = config.with_shrinking(Shrinking::MaxPool).init(device, 1).unwrap();
        let net = net.map(&mut Identity);
        for [height, width] in [[7, 5], [4, 4], [2, 3], [5, 1], [1, 1]] {
            let pixels = numbers_around(2.0, 2 * height * width, 2);
            let found = net.features(tensor(pixels.clone(), [2, 1, height, width], device));
            let window = if height.min(width) > 1 { 2 } else { 1 };
            let mut expected = Vec::new();
            for image in pixels.chunks(height * width) {
                for row in 0..height / window {
                    for column in 0..width / window {
                        let pixel = |y: usize, x: usize| {
                            image[(window * row + y) * width + window * column + x]
                        };
                        let pixels = (0..window).flat_map(|y| (0..window).map(move |x| (y, x)));
                        expected.push(pixels.map(|(y, x)| pixel(y, x)).fold(f32::MIN, f32::max));
                    }
                }
            }
            assert_eq!(found.dims(), [2, 1, height / window, width / window]);
            // The two norms divide by √(1 + 1e-5).
            assert_close(&values(found), &expected, 2e-5, 0.0);
        }
    });
}

/// Sets each convolution's kernel of 3×3 to 1 in its middle and 0 around it.
struct Identity;

impl ModuleMapper for Identity {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, shape, device) = (param.id, param.lazy_shape(), param.lazy_device());
        if shape.num_elements() != 9 {
            return param;
        }
        let kernel: Vec<f32> = (0..9).map(|index| if index == 4 { 1.0 } else { 0.0 }).collect();
        param.transform_for_load(Tensor::from_data(TensorData::new(kernel, shape), &device), id)
    }
}

/// A batch norm of PyTorch, in 64 bits: of the momentum 0.1 and the ε 1e-5.
struct Norm {
    weight: Vec<f64>,
    bias: Vec<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Norm {
    /// Normalises values `[batch, channels, pixels]`. In training, the running statistics change.
    fn forward(&mut self, input: &[f32], pixels: usize, in_training: bool) -> Vec<f32> {
        let channels = self.mean.len();
        let mut output = vec![0.0; input.len()];
        for channel in 0..channels {
            let of_channel = |&index: &usize| index / pixels % channels == channel;
            let indices: Vec<_> = (0..input.len()).filter(of_channel).collect();
            let values = indices.iter().map(|&index| f64::from(input[index]));
            let (mut center, mut variance) = (self.mean[channel], self.variance[channel]);
            if in_training {
                center = mean(values.clone());
                variance = mean(values.clone().map(|value| (value - center).powi(2)));
                let count = indices.len() as f64;
                let unbiased = variance * count / (count - 1.0).max(1.0);
                self.mean[channel] += 0.1 * (center - self.mean[channel]);
                self.variance[channel] += 0.1 * (unbiased - self.variance[channel]);
            }
            for (index, value) in indices.iter().zip(values) {
                let normal = (value - center) / (variance + 1e-5).sqrt();
                output[*index] = (normal * self.weight[channel] + self.bias[channel]) as f32;
            }
        }
        output
    }
}

/// Trains a norm of three channels on three batches and validates it on a fourth.
fn normalises<const D: usize>(shape: [usize; D], device: &Device) {
    let (weight, bias) = (numbers_around(1.0, 3, 3), numbers(3, 4));
    let floats = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let mut expected = Norm {
        weight: floats(&weight),
        bias: floats(&bias),
        mean: vec![0.0; 3],
        variance: vec![1.0; 3],
    };
    let training = device.clone().autodiff();
    let made = BatchNormConfig::new(3).init(&training);
    let norm: FullPrecision<BatchNorm> = BatchNorm {
        gamma: Param::from_tensor(tensor(weight.clone(), [3], &training)),
        beta: Param::from_tensor(tensor(bias.clone(), [3], &training)),
        ..made
    }
    .into();
    let (count, pixels) = (shape.iter().product(), shape[2..].iter().product());
    let batch = |seed| numbers_around(0.5, count, seed);
    for seed in 5..8 {
        let input = batch(seed);
        let found = values(norm.forward(tensor(input.clone(), shape, &training)));
        assert_close(&found, &expected.forward(&input, pixels, true), 1e-4, 1e-4);
    }
    let norm = norm.valid();
    let input = batch(8);
    for _ in 0..2 {
        let found = values(norm.forward(tensor(input.clone(), shape, device)));
        assert_close(&found, &expected.forward(&input, pixels, false), 1e-4, 1e-4);
    }
    let running = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let weights = StateDict::of(&Alone { norm }).unwrap();
    let found = |name: &str| weights.values(name).unwrap();
    assert_close(found("norm.running_mean"), &running(&expected.mean), 1e-5, 1e-6);
    assert_close(found("norm.running_var"), &running(&expected.variance), 1e-5, 1e-6);
}

/// A model of one norm, whose running statistics can be read.
#[derive(Module, Debug)]
struct Alone {
    norm: FullPrecision<BatchNorm>,
}

impl fastburn::models::TorchNames for Alone {}

#[test]
fn a_batch_norm_has_pytorchs_outputs_and_running_statistics() {
    each_device(|device| {
        normalises([4, 3, 5, 2], device);
        normalises([5, 3], device);
        // A single value per channel.
        normalises([1, 3, 1, 1], device);
    });
}

#[test]
fn a_convolution_and_its_norm_are_the_same_as_one_and_with_a_listener() {
    each_device(|device| {
        let conv = Conv2dConfig::new([3, 5], [3, 3]).init(device);
        let norm: FullPrecision<BatchNorm> = BatchNorm {
            running_mean: RunningState::new(tensor(numbers(5, 1), [5], device)),
            running_var: RunningState::new(tensor(numbers_around(2.0, 5, 2), [5], device)),
            ..BatchNormConfig::new(5).init(device)
        }
        .into();
        let images = tensor(numbers(2 * 3 * 8 * 6, 3), [2, 3, 8, 6], device);
        let residual = tensor(numbers(2 * 5 * 6 * 4, 4), [2, 5, 6, 4], device);
        for epilogue in [Epilogue::None, Epilogue::Relu, Epilogue::AddRelu(residual)] {
            let both = conv2d_norm(&conv, &norm, images.clone(), epilogue.clone());
            let apart = norm.forward_with(conv2d(&conv, images.clone()), epilogue);
            assert_close(&values(both), &values(apart), 1e-5, 1e-5);
        }

        // A model's layers are computed apart while a function listens. After some batches its
        // norms have something to do.
        let training = device.clone().autodiff();
        let model = ConvNetConfig::new(3, [4, 8], 2).init(&training, 5).unwrap();
        let images = numbers_around(1.0, 2 * 3 * 8 * 8, 6);
        for _ in 0..20 {
            model.forward(tensor(images.clone(), [2, 3, 8, 8], &training));
        }
        let model = model.valid();
        let images = tensor(images, [2, 3, 8, 8], device);
        let alone = values(model.forward(images.clone()));
        let seen = Rc::new(RefCell::new(Vec::new()));
        let names = Rc::clone(&seen);
        let listening = listen(move |layer| names.borrow_mut().push(layer.layer.to_owned()));
        assert_close(&values(model.forward(images)), &alone, 1e-4, 1e-5);
        drop(listening);
        for layer in ["blocks.0.conv", "blocks.0.norm", "blocks.1.conv"] {
            assert!(seen.borrow().iter().any(|name| name == layer), "{layer} was not reported");
        }
    });
}

#[test]
fn a_norm_trains_after_a_convolution_of_images_without_autodiff() {
    each_device(|device| {
        let training = device.clone().autodiff();
        let conv = Conv2dConfig::new([1, 3], [3, 3]).init(&training);
        let norm: FullPrecision<BatchNorm> = BatchNormConfig::new(3).init(&training).into();
        let images = tensor(numbers_around(1.0, 4 * 8 * 8, 1), [4, 1, 8, 8], device);
        let maps = conv2d_norm(&conv, &norm, images, Epilogue::None);
        let means = values(maps.swap_dims(0, 1).flatten::<2>(1, 3).mean_dim(1));
        assert_close(&means, &[0.0; 3], 0.0, 1e-5);
        let norm = norm.valid();
        assert!(values(norm.running_mean.value()).iter().all(|&mean| mean != 0.0));
    });
}

#[test]
fn dropout_scales_what_it_keeps_and_does_nothing_in_evaluation() {
    each_device(|device| {
        let dropout = DropoutConfig::new(0.3).init();
        let inputs = Tensor::<2>::ones([100, 200], device);
        assert_eq!(values(dropout.forward(inputs.clone())), vec![1.0; 20_000]);

        let training = inputs.autodiff();
        let frozen = dropout.clone().freeze();
        assert_eq!(values(frozen.forward(training.clone())), vec![1.0; 20_000]);
        let found = values(dropout.forward(training.clone()));
        let kept = found.iter().filter(|&&value| value != 0.0);
        // Ten standard deviations of the fraction: √(0.3 · 0.7 / 20,000) = 0.0032.
        let fraction = kept.clone().count() as f64 / 20_000.0;
        assert!((fraction - 0.7).abs() < 0.032, "{fraction} were kept");
        assert!(kept.clone().all(|value| (value * 0.7 - 1.0).abs() < 1e-6));
    });
}

#[test]
fn the_dropout_of_a_head_is_for_training_only() {
    each_device(|device| {
        let head = |dropout, device: &Device| {
            let config = HeadConfig { hidden: vec![6], dropout, ..HeadConfig::fastai() };
            config.init(4, 3, device, 1).unwrap()
        };
        let maps = tensor(numbers(2 * 4 * 3 * 3, 9), [2, 4, 3, 3], device);
        let without = values(head(0.0, device).forward(maps.clone()));
        assert_eq!(values(head(0.5, device).forward(maps.clone())), without);
        // Of two hundred units, some are dropped, whatever is drawn.
        let wide = |dropout, device: &Device| {
            let config = HeadConfig { hidden: vec![200], dropout, ..HeadConfig::fastai() };
            config.init(4, 3, device, 1).unwrap()
        };
        let training = device.clone().autodiff();
        let [kept, dropped] = [0.0, 0.5]
            .map(|dropout| values(wide(dropout, &training).forward(maps.clone().autodiff())));
        assert_ne!(kept, dropped);
    });
}
