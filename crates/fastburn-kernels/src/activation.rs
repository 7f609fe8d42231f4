//! Activation functions.

use burn::tensor::Tensor;
use burn::tensor::activation;

#[cfg(feature = "flex")]
use crate::extension::{activate, is_ours};
#[cfg(feature = "flex")]
use crate::kernels::activation::Activation;

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
        return activate(input, Activation::Relu);
    }
    activation::relu(input)
}

/// Returns `1 / (1 + exp(-x))` of each value, as [`burn::tensor::activation::sigmoid`] does.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let values = Tensor::<1>::from_floats([-100.0, 0.0, 100.0], &Device::flex());
/// let shares = fastburn_kernels::sigmoid(values);
/// assert_eq!(shares.into_data().to_vec::<f32>().unwrap(), [0.0, 0.5, 1.0]);
/// ```
pub fn sigmoid<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if is_ours(&input) {
        return activate(input, Activation::Sigmoid);
    }
    activation::sigmoid(input)
}

/// Returns `x · sigmoid(x)` of each value (Hendrycks and Gimpel 2016), as
/// [`burn::tensor::activation::silu`] does.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let values = Tensor::<1>::from_floats([-80.0, 0.0, 100.0], &Device::flex());
/// let output = fastburn_kernels::silu(values).into_data().to_vec::<f32>().unwrap();
/// assert!(output[0].abs() < 1e-30);
/// assert_eq!(output[1..], [0.0, 100.0]);
/// ```
pub fn silu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if is_ours(&input) {
        return activate(input, Activation::Silu);
    }
    activation::silu(input)
}
