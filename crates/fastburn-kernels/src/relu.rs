//! ReLU.

use burn::tensor::Tensor;
use burn::tensor::activation::relu as burn_relu;

#[cfg(feature = "flex")]
use crate::extension::{clip, is_ours};

/// Returns ReLU of each value, as [`burn::tensor::activation::relu`] does. On flex, NaN stays NaN.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let values = Tensor::<1>::from_floats([-1.0, 2.0], &Device::flex());
/// let clipped = fastburn_kernels::relu(values);
/// assert_eq!(clipped.into_data().to_vec::<f32>().unwrap(), [0.0, 2.0]);
/// ```
pub fn relu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if is_ours(&input) {
        return clip(input);
    }
    burn_relu(input)
}
