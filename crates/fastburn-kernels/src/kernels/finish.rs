//! What a batch norm in inference makes of values, and what follows it.

use pulp::Simd;

use crate::kernels::activation::relu;
use crate::kernels::vector::{Lanes, mul_add};

/// What a batch norm multiplies each channel by, and adds to it.
#[derive(Debug, Clone)]
pub(crate) struct Affine {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

impl Affine {
    pub fn new(weight: &[f32], bias: &[f32], mean: &[f32], variance: &[f32], epsilon: f64) -> Self {
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for (((weight, bias), mean), variance) in weight.iter().zip(bias).zip(mean).zip(variance) {
            let factor = f64::from(*weight) / (f64::from(*variance) + epsilon).sqrt();
            scale.push(factor as f32);
            shift.push((f64::from(*bias) - f64::from(*mean) * factor) as f32);
        }
        Self { scale, shift }
    }
}

/// `values · scale + shift`, plus a residual if there is one, and ReLU of that if it `clips`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub affine: &'a Affine,
    pub residual: Option<&'a [f32]>,
    pub clips: bool,
}

impl Finish<'_> {
    /// Panics if it is not of so many channels, or its residual not of so many values.
    pub fn check(&self, channels: usize, len: usize) {
        let Affine { scale, shift } = self.affine;
        assert!(scale.len() == channels && shift.len() == channels);
        assert!(self.residual.is_none_or(|residual| residual.len() == len));
    }

    /// Computes a vector: value `index` is the first, of channel `channel`.
    ///
    /// # Safety
    ///
    /// The lanes must be channels from these on, and values of the residual.
    #[inline(always)]
    pub unsafe fn vector<S: Simd>(
        &self,
        simd: S,
        value: S::f32s,
        index: usize,
        channel: usize,
        lanes: Lanes<S>,
    ) -> S::f32s {
        // SAFETY: the caller's promise.
        unsafe {
            let scale = lanes.load(simd, self.affine.scale.as_ptr().add(channel));
            let shift = lanes.load(simd, self.affine.shift.as_ptr().add(channel));
            let mut sum = mul_add(simd, value, scale, shift);
            if let Some(residual) = self.residual {
                sum = simd.add_f32s(sum, lanes.load(simd, residual.as_ptr().add(index)));
            }
            if self.clips { relu(simd, sum) } else { sum }
        }
    }
}
