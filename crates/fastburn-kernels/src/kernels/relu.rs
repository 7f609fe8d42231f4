//! ReLU.

use pulp::Simd;

use crate::kernels::instructions::Instructions;
use crate::kernels::map::{Map, map_all};
use crate::kernels::memory::{Shared, Unwritten};
use crate::kernels::vector::Lanes;

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

/// Returns ReLU of each value.
pub(crate) fn forward(instructions: Instructions, values: &[f32]) -> Vec<f32> {
    gradient(instructions, values, values)
}

/// Returns the gradient of the input, given the output and its gradient.
///
/// # Panics
///
/// If their lengths differ.
pub(crate) fn gradient(instructions: Instructions, output: &[f32], of_output: &[f32]) -> Vec<f32> {
    struct Masked<'a> {
        output: &'a [f32],
        of_output: &'a [f32],
        result: Shared,
    }
    impl Map for Masked<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            // SAFETY: the caller's promise; all three buffers are of one length.
            unsafe {
                let output = lanes.load(simd, self.output.as_ptr().add(index));
                let gradient = lanes.load(simd, self.of_output.as_ptr().add(index));
                lanes.store(simd, self.result.at(index), masked(simd, output, gradient));
            }
        }
    }
    assert_eq!(output.len(), of_output.len());
    let mut result = Unwritten::new(output.len());
    let map = Masked { output, of_output, result: result.shared() };
    // SAFETY: all buffers are of one length, and the map writes each value.
    unsafe {
        map_all(instructions, output.len(), &map);
        result.written()
    }
}
