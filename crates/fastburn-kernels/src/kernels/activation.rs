//! Activation functions of each value.

use pulp::Simd;

use crate::kernels::exponential::exp;
use crate::kernels::instructions::Instructions;
use crate::kernels::map::{Map, map_all};
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::vector::{Lanes, mul_add};

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Relu,
    Sigmoid,
    /// `x · sigmoid(x)`: Hendrycks and Gimpel 2016.
    Silu,
}

impl Activation {
    /// Returns whether its gradient is computed from its output, and else from its input.
    pub fn keeps_output(self) -> bool {
        self != Self::Silu
    }
}

/// Returns 0 where a value is at most 0, and else the value: NaN stays NaN.
#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    masked(simd, value, value)
}

/// Returns 0 where `output` is at most 0, and else `gradient`.
#[inline(always)]
pub(crate) fn masked<S: Simd>(simd: S, output: S::f32s, gradient: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_or_equal_f32s(output, zero), zero, gradient)
}

#[inline(always)]
fn sigmoid<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let power = exp(simd, simd.sub_f32s(simd.splat_f32s(0.0), value));
    simd.div_f32s(one, simd.add_f32s(one, power))
}

/// Returns the function of each value.
pub(crate) fn forward(
    instructions: Instructions,
    activation: Activation,
    values: &[f32],
) -> Buffer {
    match activation {
        Activation::Relu => apply(instructions, Relu, values, values),
        Activation::Sigmoid => apply(instructions, Sigmoid, values, values),
        Activation::Silu => apply(instructions, Silu, values, values),
    }
}

/// Returns the gradient of the input, given that of the output, and what is
/// [kept](Activation::keeps_output).
///
/// # Panics
///
/// If their lengths differ.
pub(crate) fn gradient(
    instructions: Instructions,
    activation: Activation,
    kept: &[f32],
    of_output: &[f32],
) -> Buffer {
    match activation {
        // Of ReLU, the gradient is computed as the output is.
        Activation::Relu => apply(instructions, Relu, kept, of_output),
        Activation::Sigmoid => apply(instructions, SigmoidGradient, kept, of_output),
        Activation::Silu => apply(instructions, SiluGradient, kept, of_output),
    }
}

/// A function of two values.
trait Function: Sync {
    fn compute<S: Simd>(&self, simd: S, a: S::f32s, b: S::f32s) -> S::f32s;
}

struct Relu;

impl Function for Relu {
    #[inline(always)]
    fn compute<S: Simd>(&self, simd: S, output: S::f32s, gradient: S::f32s) -> S::f32s {
        masked(simd, output, gradient)
    }
}

struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn compute<S: Simd>(&self, simd: S, value: S::f32s, _: S::f32s) -> S::f32s {
        sigmoid(simd, value)
    }
}

struct SigmoidGradient;

impl Function for SigmoidGradient {
    #[inline(always)]
    fn compute<S: Simd>(&self, simd: S, output: S::f32s, gradient: S::f32s) -> S::f32s {
        let slope = simd.mul_f32s(output, simd.sub_f32s(simd.splat_f32s(1.0), output));
        simd.mul_f32s(gradient, slope)
    }
}

struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn compute<S: Simd>(&self, simd: S, value: S::f32s, _: S::f32s) -> S::f32s {
        simd.mul_f32s(value, sigmoid(simd, value))
    }
}

struct SiluGradient;

impl Function for SiluGradient {
    #[inline(always)]
    fn compute<S: Simd>(&self, simd: S, input: S::f32s, gradient: S::f32s) -> S::f32s {
        // With s = sigmoid(x): s + x · s · (1 - s).
        let s = sigmoid(simd, input);
        let rest = simd.sub_f32s(simd.splat_f32s(1.0), s);
        let slope = mul_add(simd, simd.mul_f32s(input, s), rest, s);
        simd.mul_f32s(gradient, slope)
    }
}

fn apply<F: Function>(instructions: Instructions, function: F, a: &[f32], b: &[f32]) -> Buffer {
    struct Pairs<'a, F> {
        function: F,
        a: &'a [f32],
        b: &'a [f32],
        result: Shared,
    }
    impl<F: Function> Map for Pairs<'_, F> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            // SAFETY: the caller's promise; all three buffers are of one length.
            unsafe {
                let a = lanes.load(simd, self.a.as_ptr().add(index));
                let b = lanes.load(simd, self.b.as_ptr().add(index));
                let result = self.function.compute(simd, a, b);
                lanes.store(simd, self.result.at(index), result);
            }
        }
    }
    assert_eq!(a.len(), b.len());
    let mut result = Buffer::any(a.len());
    let map = Pairs { function, a, b, result: result.shared() };
    // SAFETY: all buffers are of one length.
    unsafe { map_all(instructions, a.len(), &map) };
    result
}

#[cfg(test)]
mod tests {
    use super::Activation::{Relu, Sigmoid, Silu};
    use super::*;
    use crate::kernels::testing::{assert_close, numbers};

    #[test]
    fn relu_keeps_nan() {
        let values = [-1.0, 0.0, 2.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY];
        for instructions in Instructions::available() {
            let output = forward(instructions, Relu, &values);
            assert_eq!(output[..3], [0.0, 0.0, 2.0]);
            assert!(output[3].is_nan());
            assert_eq!(output[4..], [0.0, f32::INFINITY]);
            let gradient = gradient(instructions, Relu, &output, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            assert_eq!(gradient[..], [0.0, 0.0, 3.0, 4.0, 0.0, 6.0]);
        }
    }

    #[test]
    fn activations_and_their_gradients_are_those_of_their_formulas() {
        let mut values: Vec<f32> = numbers(1003, 1).iter().map(|value| 100.0 * value).collect();
        values.extend(numbers(1003, 2).iter().map(|value| 3.0 * value));
        values.extend([0.0, -0.0, 87.0, -87.0, 89.0, -89.0, 1000.0, -1000.0]);
        let of_output = numbers(values.len(), 3);
        let exact: Vec<f64> = values.iter().map(|&value| value.into()).collect();
        let sigmoid: Vec<f64> = exact.iter().map(|value| 1.0 / (1.0 + (-value).exp())).collect();
        let silu: Vec<f64> = exact.iter().zip(&sigmoid).map(|(value, s)| value * s).collect();
        let slopes = |slope: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            let slopes = exact.iter().zip(&sigmoid).map(|(&value, &s)| slope(value, s));
            slopes.zip(&of_output).map(|(slope, &gradient)| slope * f64::from(gradient)).collect()
        };
        let of_sigmoid = slopes(&|_, s| s * (1.0 - s));
        let of_silu = slopes(&|value, s| s + value * s * (1.0 - s));
        for instructions in Instructions::available() {
            let ones = vec![1.0; values.len()];
            for (activation, expected, slopes) in
                [(Sigmoid, &sigmoid, &of_sigmoid), (Silu, &silu, &of_silu)]
            {
                let name = format!("{activation:?} {}", instructions.name());
                let output = forward(instructions, activation, &values);
                assert_close(&output, expected, &ones, &name);
                let kept = if activation.keeps_output() { &output[..] } else { &values[..] };
                let found = gradient(instructions, activation, kept, &of_output);
                assert_close(&found, slopes, &ones, &name);
                let of_nan = forward(instructions, activation, &[f32::NAN, 1.0]);
                assert!(of_nan[0].is_nan() && of_nan[1] > 0.7);
            }
        }
    }
}
