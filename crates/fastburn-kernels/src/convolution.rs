//! Convolution.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;

#[cfg(feature = "flex")]
use crate::extension::{can_convolve, convolve};

/// Convolves images `[batch, inputs, height, width]` with a weight
/// `[outputs, inputs / groups, kernel height, kernel width]` and a bias `[outputs]`, as
/// [`burn::tensor::module::conv2d`] does.
///
/// The kernels compute all convolutions without groups, dilation or padding that differs between
/// two sides.
///
/// ```
/// use burn::tensor::{Device, Tensor, ops::ConvOptions};
/// use fastburn_kernels::conv2d;
///
/// let device = Device::flex();
/// let images = Tensor::ones([2, 3, 28, 28], &device);
/// let weight = Tensor::ones([16, 3, 5, 5], &device);
/// let options = ConvOptions::new([2, 2], [2, 2], [1, 1], 1);
/// let maps = conv2d(images, weight, None, options);
/// assert_eq!(maps.dims(), [2, 16, 14, 14]);
/// assert_eq!(maps.max().into_scalar::<f32>(), 75.0);
/// ```
///
/// # Panics
///
/// As Burn's function, if the shapes do not fit each other.
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if can_convolve(&input, &weight, bias.as_ref(), &options) {
        return convolve(input, weight, bias, &options);
    }
    burn_conv2d(input, weight, bias, options)
}
