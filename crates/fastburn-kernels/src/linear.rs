//! Linear layers.

use burn::tensor::Tensor;
use burn::tensor::module::linear as burn_linear;

#[cfg(feature = "flex")]
use crate::extension::{multiply, should_multiply};

/// Returns `input · weight + bias`, for an input `[rows, inputs]`, a weight `[inputs, outputs]` and
/// a bias `[outputs]`, as [`burn::tensor::module::linear`] does.
///
/// The kernels compute layers of at least 4 outputs on batches of at least 4 rows. For fewer, Burn's
/// products are faster.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::linear;
///
/// let device = Device::flex();
/// let input = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
/// let weight = Tensor::from_floats([[10.0], [100.0]], &device);
/// let output = linear(input, weight, Some(Tensor::ones([1], &device)));
/// assert_eq!(output.into_scalar::<f32>(), 211.0);
/// ```
///
/// # Panics
///
/// As Burn's function, if the shapes do not fit each other.
pub fn linear(input: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if should_multiply(&input, &weight, bias.as_ref()) {
        return multiply(input, weight, bias);
    }
    burn_linear(input, weight, bias)
}
