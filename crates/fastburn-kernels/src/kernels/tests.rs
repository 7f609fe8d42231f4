//! Kernels against loops in double precision.

use crate::kernels::batch_norm::{self, Normalization};
use crate::kernels::channels;
use crate::kernels::finish::{Affine, Finish};
use crate::kernels::instructions::Instructions;
use crate::kernels::optimizer;
use crate::kernels::pooling::{self, Window};
use crate::kernels::testing::{assert_close, numbers};
use crate::steps::{AdamStep, SgdStep, WeightDecay};

/// Shapes of `[pixels, channels]`.
const SHAPES: [[usize; 2]; 8] =
    [[1, 1], [2, 16], [7, 3], [64, 33], [300, 64], [9, 129], [5000, 20], [70000, 1]];

#[test]
fn channels_are_summed_over_all_pixels() {
    for [pixels, channels] in SHAPES {
        let values = numbers(pixels * channels, 1);
        let sum = |channel: usize, size: fn(f64) -> f64| -> f64 {
            values[channel..].iter().step_by(channels).map(|&value| size(value.into())).sum()
        };
        let expected: Vec<_> = (0..channels).map(|channel| sum(channel, |value| value)).collect();
        let sizes: Vec<_> = (0..channels).map(|channel| sum(channel, f64::abs)).collect();
        for instructions in Instructions::available() {
            let found = channels::sums(instructions, &values, channels);
            assert_close(&found, &expected, &sizes, instructions.name());
        }
    }
}

#[test]
fn an_outlier_in_the_first_pixel_leaves_the_variance_right() {
    for outlier in [10.0, 100.0, 1000.0] {
        for channels in [1, 20] {
            let mut values = vec![0.3; (1 << 17) * channels];
            values[..channels].fill(outlier);
            let count = f64::from(1 << 17);
            let share = 1.0 / count;
            let expected =
                (f64::from(outlier) - f64::from(0.3_f32)).powi(2) * share * (1.0 - share);
            for instructions in Instructions::available() {
                let [_, variance] = batch_norm::statistics(instructions, &values, channels);
                for found in variance {
                    let error = (f64::from(found) - expected).abs();
                    assert!(error < 1e-4 * expected, "{outlier}: {found}, expected {expected}");
                }
            }
        }
    }
}

/// A batch norm in double precision: output, mean, variance, and the gradients of input, weight and
/// bias, given that of the output, which ReLU may mask.
struct Reference {
    output: Vec<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    masked: Vec<f64>,
    of_input: Vec<f64>,
    of_weight: Vec<f64>,
    of_bias: Vec<f64>,
}

fn reference(
    values: &[f64],
    [weight, bias, residual, gradient]: [&[f64]; 4],
    epsilon: f64,
    clips: bool,
) -> Reference {
    let (channels, count) = (weight.len(), values.len() / weight.len());
    let over = |channel: usize, term: &dyn Fn(usize) -> f64| -> f64 {
        (channel..values.len()).step_by(channels).map(term).sum()
    };
    let per_channel = |term: &dyn Fn(usize) -> f64| (0..channels).map(term).collect::<Vec<_>>();
    let mean = per_channel(&|channel| over(channel, &|at| values[at]) / count as f64);
    let variance = per_channel(&|channel| {
        over(channel, &|at| (values[at] - mean[channel]).powi(2)) / count as f64
    });
    let normal = |at: usize| {
        let channel = at % channels;
        (values[at] - mean[channel]) / (variance[channel] + epsilon).sqrt()
    };
    let all = |term: &dyn Fn(usize) -> f64| (0..values.len()).map(term).collect::<Vec<_>>();
    let sum = all(&|at| normal(at) * weight[at % channels] + bias[at % channels] + residual[at]);
    let masked = all(&|at| if clips && sum[at] <= 0.0 { 0.0 } else { gradient[at] });
    let of_bias = per_channel(&|channel| over(channel, &|at| masked[at]));
    let of_weight = per_channel(&|channel| over(channel, &|at| masked[at] * normal(at)));
    let of_input = all(&|at| {
        let channel = at % channels;
        let factor = weight[channel] / (variance[channel] + epsilon).sqrt();
        let means = (of_bias[channel] + normal(at) * of_weight[channel]) / count as f64;
        factor * (masked[at] - means)
    });
    let output = sum.iter().map(|&sum| if clips { sum.max(0.0) } else { sum }).collect();
    Reference { output, mean, variance, masked, of_input, of_weight, of_bias }
}

#[test]
fn a_batch_norm_is_that_of_double_precision() {
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    for [pixels, channels] in SHAPES {
        let len = pixels * channels;
        let values: Vec<_> = numbers(len, 1).iter().map(|value| 3.0 * value + 5.0).collect();
        let (weight, bias) = (numbers(channels, 2), numbers(channels, 3));
        let (residual, gradient) = (numbers(len, 4), numbers(len, 5));
        let epsilon = 1e-2;
        for (has_residual, clips) in [(false, false), (false, true), (true, true)] {
            let zeros = vec![0.0; len];
            let added = if has_residual { wide(&residual) } else { zeros };
            let expected = reference(
                &wide(&values),
                [&wide(&weight), &wide(&bias), &added, &wide(&gradient)],
                epsilon,
                clips,
            );
            for instructions in Instructions::available() {
                let name = format!("{} {pixels} {channels}", instructions.name());
                let close = |found: &[f32], expected: &[f64], size: f64| {
                    assert_close(found, expected, &vec![size; expected.len()], &name);
                };
                let [mean, variance] = batch_norm::statistics(instructions, &values, channels);
                close(&mean, &expected.mean, 5.0);
                close(&variance, &expected.variance, 5.0);
                let affine = Affine::new(&weight, &bias, &mean, &variance, epsilon);
                let residual = has_residual.then_some(&residual[..]);
                let finish = Finish { affine: &affine, residual, clips };
                let output = batch_norm::normalize(instructions, &values, &finish);
                close(&output, &expected.output, 50.0);
                let norm = Normalization {
                    values: &values,
                    weight: &weight,
                    mean: &mean,
                    variance: &variance,
                    epsilon,
                    clipped: clips.then_some(&output[..]),
                };
                let found = batch_norm::gradients(instructions, &norm, &gradient, has_residual);
                // A sum of n terms of size 1 is rounded in proportion to the root of n.
                let size = 10.0 * (pixels as f64).sqrt();
                close(&found.bias, &expected.of_bias, size);
                close(&found.weight, &expected.of_weight, size);
                close(&found.input, &expected.of_input, 100.0);
                if let Some(found) = &found.residual {
                    close(found, &expected.masked, 1.0);
                }
            }
        }
    }
}

/// The windows of a pooling, as lists of the pixels inside, each with its number in the window.
fn windows(window: &Window) -> Vec<Vec<(usize, usize)>> {
    let [height, width] = window.output();
    let mut all = Vec::new();
    for image in 0..window.batch {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let mut pixels = Vec::new();
            for tap in 0..window.kernel[0] * window.kernel[1] {
                let row = y * window.stride[0] + tap / window.kernel[1];
                let column = x * window.stride[1] + tap % window.kernel[1];
                let row = row.checked_sub(window.padding[0]).filter(|&row| row < window.size[0]);
                let column =
                    column.checked_sub(window.padding[1]).filter(|&column| column < window.size[1]);
                if let (Some(row), Some(column)) = (row, column) {
                    pixels.push(((image * window.size[0] + row) * window.size[1] + column, tap));
                }
            }
            all.push(pixels);
        }
    }
    all
}

const WINDOWS: [Window; 6] = [
    Window {
        batch: 3,
        channels: 24,
        size: [24, 24],
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
    },
    Window { batch: 2, channels: 5, size: [9, 7], kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
    Window {
        batch: 2,
        channels: 64,
        size: [9, 9],
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
    },
    Window {
        batch: 1,
        channels: 17,
        size: [5, 8],
        kernel: [3, 2],
        stride: [1, 3],
        padding: [1, 0],
    },
    Window {
        batch: 4,
        channels: 33,
        size: [7, 7],
        kernel: [7, 7],
        stride: [7, 7],
        padding: [0, 0],
    },
    Window { batch: 2, channels: 1, size: [1, 1], kernel: [1, 1], stride: [1, 1], padding: [0, 0] },
];

#[test]
fn maxima_are_those_of_each_window_and_their_gradient_goes_to_the_first_of_equals() {
    for window in WINDOWS {
        let channels = window.channels;
        // Few different values, so that many are equal.
        let images: Vec<_> =
            numbers(window.input_len(), 1).iter().map(|value| (value * 3.0).round()).collect();
        let gradient = numbers(window.output_len(), 2);
        let mut expected = Vec::new();
        let mut of_images = vec![0.0; images.len()];
        for (output, pixels) in windows(&window).iter().enumerate() {
            for channel in 0..channels {
                let mut largest = pixels[0].0;
                for &(pixel, _) in pixels {
                    if images[pixel * channels + channel] > images[largest * channels + channel] {
                        largest = pixel;
                    }
                }
                expected.push(f64::from(images[largest * channels + channel]));
                of_images[largest * channels + channel] +=
                    f64::from(gradient[output * channels + channel]);
            }
        }
        for instructions in Instructions::available() {
            let name = format!("{} {window:?}", instructions.name());
            let found = pooling::maxima(instructions, &window, &images);
            assert_close(&found.output, &expected, &expected, &name);
            let found = pooling::maxima_gradient(instructions, &window, &found.taps, &gradient);
            assert_close(&found, &of_images, &vec![4.0; of_images.len()], &name);
        }
    }
}

#[test]
fn a_window_with_nan_has_nan_as_its_maximum() {
    let window = WINDOWS[5];
    let window = Window { size: [2, 2], kernel: [2, 2], stride: [2, 2], ..window };
    for instructions in Instructions::available() {
        for nan in 0..4 {
            let mut images = vec![1.0; 8];
            images[nan] = f32::NAN;
            let found = pooling::maxima(instructions, &window, &images);
            assert!(found.output[0].is_nan() && found.output[1] == 1.0);
            assert_eq!(found.taps[..], [nan as f32, 0.0]);
        }
    }
}

#[test]
fn means_are_those_of_each_window() {
    for window in WINDOWS.into_iter().filter(|window| window.padding == [0, 0]) {
        let channels = window.channels;
        let images = numbers(window.input_len(), 1);
        let gradient = numbers(window.output_len(), 2);
        let mut expected = Vec::new();
        let mut of_images = vec![0.0; images.len()];
        for (output, pixels) in windows(&window).iter().enumerate() {
            for channel in 0..channels {
                let value = |pixel: usize| f64::from(images[pixel * channels + channel]);
                let sum: f64 = pixels.iter().map(|&(pixel, _)| value(pixel)).sum();
                expected.push(sum / pixels.len() as f64);
                for (pixel, _) in pixels {
                    of_images[pixel * channels + channel] +=
                        f64::from(gradient[output * channels + channel]) / pixels.len() as f64;
                }
            }
        }
        for instructions in Instructions::available() {
            let found = pooling::means(instructions, &window, &images);
            assert_close(&found, &expected, &vec![1.0; expected.len()], instructions.name());
            let found = pooling::means_gradient(instructions, &window, &gradient);
            assert_close(&found, &of_images, &vec![1.0; of_images.len()], instructions.name());
        }
    }
}

#[test]
fn steps_of_adam_are_those_of_its_formula() {
    let len = 1003;
    let decay = WeightDecay::Factor(0.999);
    for instructions in Instructions::available() {
        let mut parameter = numbers(len, 1);
        let mut exact: Vec<_> = parameter.iter().map(|&value| f64::from(value)).collect();
        let (mut moment_1, mut moment_2) = (vec![0.0; len], vec![0.0; len]);
        let mut exact_moments = vec![[0.0; 2]; len];
        for time in 1..=5 {
            let gradient = numbers(len, 10 + time as u64);
            let step = AdamStep { lr: 0.01, beta_1: 0.9, beta_2: 0.99, epsilon: 1e-5, time, decay };
            optimizer::adam(
                instructions,
                step,
                &mut parameter,
                &gradient,
                &mut moment_1,
                &mut moment_2,
            );
            for ((parameter, moments), gradient) in
                exact.iter_mut().zip(&mut exact_moments).zip(gradient)
            {
                let gradient = f64::from(gradient);
                moments[0] = 0.9 * moments[0] + 0.1 * gradient;
                moments[1] = 0.99 * moments[1] + 0.01 * gradient * gradient;
                let first = moments[0] / (1.0 - 0.9_f64.powi(time as i32));
                let second = moments[1] / (1.0 - 0.99_f64.powi(time as i32));
                *parameter = *parameter * 0.999 - 0.01 * first / (second.sqrt() + 1e-5);
            }
        }
        assert_close(&parameter, &exact, &vec![1.0; len], instructions.name());
    }
}

#[test]
fn steps_of_descent_are_those_of_their_formula() {
    let len = 77;
    let (parameter, gradient) = (numbers(len, 1), numbers(len, 2));
    let step = SgdStep { lr: 0.5, momentum: 0.9, decay: WeightDecay::Penalty(0.1) };
    for instructions in Instructions::available() {
        let mut velocity = numbers(len, 3);
        let expected = |momentum: bool| -> Vec<f64> {
            let velocity = numbers(len, 3);
            (0..len)
                .map(|at| {
                    let gradient = f64::from(gradient[at]) + 0.1 * f64::from(parameter[at]);
                    let before = if momentum { 0.9 * f64::from(velocity[at]) } else { 0.0 };
                    f64::from(parameter[at]) - 0.5 * (before + gradient)
                })
                .collect()
        };
        let mut found = parameter.clone();
        optimizer::sgd(instructions, step, &mut found, &gradient, None);
        assert_close(&found, &expected(false), &vec![1.0; len], instructions.name());
        let mut found = parameter.clone();
        optimizer::sgd(instructions, step, &mut found, &gradient, Some(&mut velocity));
        assert_close(&found, &expected(true), &vec![1.0; len], instructions.name());
    }
}

#[test]
fn moments_never_become_denormal() {
    let decay = WeightDecay::None;
    for instructions in Instructions::available() {
        let (mut moment_1, mut moment_2) = (vec![1e-30; 20], vec![1e-30; 20]);
        for time in 1..2000 {
            let step = AdamStep { lr: 0.01, beta_1: 0.9, beta_2: 0.99, epsilon: 1e-5, time, decay };
            let (mut parameter, gradient) = ([0.0; 20], [0.0; 20]);
            let moments = (&mut moment_1, &mut moment_2);
            optimizer::adam(instructions, step, &mut parameter, &gradient, moments.0, moments.1);
            assert!(moment_1.iter().chain(&moment_2).all(|value| !value.is_subnormal()));
        }
        assert_eq!(moment_1[0], 0.0);
    }
}
