//! Batch normalisation of channels-last values, and what often follows it: the addition of a
//! residual, and ReLU.

use pulp::Simd;

use crate::kernels::activation::masked;
use crate::kernels::channels::{Terms, channel_sums};
use crate::kernels::finish::Finish;
use crate::kernels::instructions::Instructions;
use crate::kernels::map::{Map, map};
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::vector::{Lanes, mul_add};

/// Returns the mean and the biased variance of each channel of `[pixels, channels]`.
///
/// # Panics
///
/// If there are no values, or not whole pixels.
pub(crate) fn statistics(
    instructions: Instructions,
    values: &[f32],
    channels: usize,
) -> [Vec<f32>; 2] {
    assert!(channels > 0 && !values.is_empty() && values.len().is_multiple_of(channels));
    // The first pixel is close to the mean, most often.
    let [mean, variance] = statistics_around(instructions, values, &values[..channels]);
    let cancels = |((mean, variance), first): ((&f32, &f32), &f32)| {
        let distance = f64::from(mean - first);
        distance * distance > MOST_CANCELLED * f64::from(*variance)
    };
    if mean.iter().zip(&variance).zip(values).any(cancels) {
        return statistics_around(instructions, values, &mean);
    }
    [mean, variance]
}

/// The squared distance from the mean, in variances, beyond which the variance is computed again:
/// it is a difference of two sums, which cancel each other unless the values lie around 0.
const MOST_CANCELLED: f64 = 64.0;

/// Returns the mean and the variance, computed of the differences to some value of each channel.
fn statistics_around(instructions: Instructions, values: &[f32], centre: &[f32]) -> [Vec<f32>; 2] {
    /// The difference to the centre, and its square.
    struct Moments<'a> {
        values: &'a [f32],
        centre: &'a [f32],
    }
    impl Terms for Moments<'_> {
        #[inline(always)]
        unsafe fn terms<S: Simd>(
            &self,
            simd: S,
            index: usize,
            channel: usize,
            lanes: Lanes<S>,
        ) -> [S::f32s; 2] {
            // SAFETY: the caller's promise.
            let (value, centre) = unsafe {
                (
                    lanes.load(simd, self.values.as_ptr().add(index)),
                    lanes.load(simd, self.centre.as_ptr().add(channel)),
                )
            };
            let difference = simd.sub_f32s(value, centre);
            [difference, simd.mul_f32s(difference, difference)]
        }
    }
    let channels = centre.len();
    let pixels = values.len() / channels;
    // SAFETY: there are values for all pixels, and a centre for all channels.
    let [sums, squares] =
        unsafe { channel_sums(instructions, pixels, channels, &Moments { values, centre }) };
    let (mut mean, mut variance) = (Vec::new(), Vec::new());
    for ((sum, square), centre) in sums.into_iter().zip(squares).zip(centre) {
        let difference = sum / pixels as f64;
        mean.push((difference + f64::from(*centre)) as f32);
        let value = square / pixels as f64 - difference * difference;
        // Rounding may make it negative. NaN stays NaN.
        variance.push(if value < 0.0 { 0.0 } else { value as f32 });
    }
    [mean, variance]
}

/// Normalises `[pixels, channels]`.
///
/// # Panics
///
/// If the values are not whole pixels of the channels, or the residual has another length.
pub(crate) fn normalize(instructions: Instructions, values: &[f32], finish: &Finish<'_>) -> Buffer {
    struct Normalize<'a> {
        values: &'a [f32],
        finish: &'a Finish<'a>,
        output: Shared,
    }
    impl Map for Normalize<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, channel: usize, lanes: Lanes<S>) {
            // SAFETY: the caller's promise about indices and channels; the output is as long.
            unsafe {
                let value = lanes.load(simd, self.values.as_ptr().add(index));
                let value = self.finish.vector(simd, value, index, channel, lanes);
                lanes.store(simd, self.output.at(index), value);
            }
        }
    }
    let channels = finish.affine.scale.len();
    assert!(channels > 0 && values.len().is_multiple_of(channels));
    finish.check(channels, values.len());
    let mut output = Buffer::any(values.len());
    let of_values = Normalize { values, finish, output: output.shared() };
    // SAFETY: all buffers have the values' length, or a value for each channel, and the map writes
    // each value of the output.
    unsafe { map(instructions, values.len() / channels, channels, &of_values) };
    output
}

/// The gradients of a batch norm in training.
pub(crate) struct Gradients {
    pub input: Buffer,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    /// That of the residual, if it was asked for.
    pub residual: Option<Buffer>,
}

/// What a batch norm in training normalised, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normalization<'a> {
    pub values: &'a [f32],
    pub weight: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
    pub epsilon: f64,
    /// The output, if ReLU was applied.
    pub clipped: Option<&'a [f32]>,
}

/// Returns the gradients of a batch norm in training, given that of its output
/// `[pixels, channels]`: Ioffe and Szegedy 2015, section 3.
///
/// # Panics
///
/// If the lengths do not fit each other.
pub(crate) fn gradients(
    instructions: Instructions,
    norm: &Normalization<'_>,
    gradient: &[f32],
    wants_residual: bool,
) -> Gradients {
    let channels = norm.weight.len();
    let len = norm.values.len();
    assert!(channels > 0 && len > 0 && len.is_multiple_of(channels) && gradient.len() == len);
    assert!(norm.mean.len() == channels && norm.variance.len() == channels);
    assert!(norm.clipped.is_none_or(|output| output.len() == len));
    let pixels = len / channels;
    // SAFETY: the lengths were checked.
    let [sums, products] =
        unsafe { channel_sums(instructions, pixels, channels, &Sums { norm, gradient }) };
    let count = pixels as f64;
    let [mut of_gradient, mut of_value, mut constant] = [(); 3].map(|()| vec![0.0; channels]);
    let mut weight = vec![0.0; channels];
    for channel in 0..channels {
        // With x̂ = (x - mean) · inverse, the gradient of x is
        // weight · inverse · (g - Σg / n - x̂ · Σ(g · x̂) / n).
        let inverse = 1.0 / (f64::from(norm.variance[channel]) + norm.epsilon).sqrt();
        let factor = f64::from(norm.weight[channel]) * inverse;
        let slope = -factor * inverse * inverse * products[channel] / count;
        weight[channel] = (products[channel] * inverse) as f32;
        of_gradient[channel] = factor as f32;
        of_value[channel] = slope as f32;
        constant[channel] = (-factor * sums[channel] / count) as f32;
    }
    let mut input = Buffer::any(len);
    let mut residual = wants_residual.then(|| Buffer::any(len));
    let of_input = InputGradient {
        norm,
        gradient,
        of_gradient: &of_gradient,
        of_value: &of_value,
        constant: &constant,
        input: input.shared(),
        residual: residual.as_mut().map(Buffer::shared),
    };
    // SAFETY: the lengths were checked, and the map writes each value of both buffers.
    unsafe { map(instructions, pixels, channels, &of_input) };
    Gradients { input, weight, bias: sums.iter().map(|&sum| sum as f32).collect(), residual }
}

/// Loads a vector of the gradient, of which ReLU let nothing through where it clipped.
///
/// # Safety
///
/// The lanes must be values of all buffers from `index` on.
#[inline(always)]
unsafe fn load_gradient<S: Simd>(
    simd: S,
    norm: &Normalization<'_>,
    gradient: &[f32],
    index: usize,
    lanes: Lanes<S>,
) -> S::f32s {
    // SAFETY: the caller's promise.
    unsafe {
        let gradient = lanes.load(simd, gradient.as_ptr().add(index));
        match norm.clipped {
            Some(output) => masked(simd, lanes.load(simd, output.as_ptr().add(index)), gradient),
            None => gradient,
        }
    }
}

/// The gradient, and its product with the difference to the mean.
struct Sums<'a> {
    norm: &'a Normalization<'a>,
    gradient: &'a [f32],
}

impl Terms for Sums<'_> {
    #[inline(always)]
    unsafe fn terms<S: Simd>(
        &self,
        simd: S,
        index: usize,
        channel: usize,
        lanes: Lanes<S>,
    ) -> [S::f32s; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let gradient = load_gradient(simd, self.norm, self.gradient, index, lanes);
            let value = lanes.load(simd, self.norm.values.as_ptr().add(index));
            let mean = lanes.load(simd, self.norm.mean.as_ptr().add(channel));
            [gradient, simd.mul_f32s(gradient, simd.sub_f32s(value, mean))]
        }
    }
}

struct InputGradient<'a> {
    norm: &'a Normalization<'a>,
    gradient: &'a [f32],
    of_gradient: &'a [f32],
    of_value: &'a [f32],
    constant: &'a [f32],
    input: Shared,
    residual: Option<Shared>,
}

impl Map for InputGradient<'_> {
    #[inline(always)]
    unsafe fn vector<S: Simd>(&self, simd: S, index: usize, channel: usize, lanes: Lanes<S>) {
        // SAFETY: the caller's promise.
        unsafe {
            let gradient = load_gradient(simd, self.norm, self.gradient, index, lanes);
            if let Some(residual) = self.residual {
                lanes.store(simd, residual.at(index), gradient);
            }
            let value = lanes.load(simd, self.norm.values.as_ptr().add(index));
            let of_gradient = lanes.load(simd, self.of_gradient.as_ptr().add(channel));
            let of_value = lanes.load(simd, self.of_value.as_ptr().add(channel));
            let constant = lanes.load(simd, self.constant.as_ptr().add(channel));
            let mean = lanes.load(simd, self.norm.mean.as_ptr().add(channel));
            let sum = mul_add(simd, simd.sub_f32s(value, mean), of_value, constant);
            let sum = mul_add(simd, gradient, of_gradient, sum);
            lanes.store(simd, self.input.at(index), sum);
        }
    }
}
