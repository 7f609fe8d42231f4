//! Convolution.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;

use crate::batch_norm::{BatchNormParameters, batch_norm};
use crate::epilogue::Epilogue;
#[cfg(feature = "flex")]
use crate::extension::{can_normalize, conv_shape, convolve, convolve_and_normalize, has_autodiff};

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
    if conv_shape(&input, &weight, bias.as_ref(), &options).is_some() {
        return convolve(input, weight, bias, &options);
    }
    burn_conv2d(input, weight, bias, options)
}

/// Convolves images and normalises the maps, in inference: [`conv2d`], [`batch_norm`] and what
/// follows.
///
/// The kernels compute them as one, so the results differ by rounding. If one of the tensors is on a
/// device with autodiff, it is one after the other.
///
/// ```
/// use burn::tensor::{Device, Tensor, ops::ConvOptions};
/// use fastburn_kernels::{BatchNormParameters, Epilogue, conv2d_batch_norm};
///
/// let device = Device::flex();
/// let images = Tensor::ones([2, 3, 28, 28], &device);
/// let weight = Tensor::ones([16, 3, 5, 5], &device);
/// let options = ConvOptions::new([2, 2], [2, 2], [1, 1], 1);
/// let parameters = BatchNormParameters {
///     weight: Tensor::ones([16], &device),
///     bias: Tensor::zeros([16], &device),
///     mean: Tensor::full([16], 50.0, &device),
///     variance: Tensor::full([16], 25.0, &device),
///     epsilon: 0.0,
/// };
/// let maps = conv2d_batch_norm(images, weight, None, options, parameters, Epilogue::Relu);
/// // (75 - 50) / 5, where the window is all inside.
/// assert_eq!(maps.max().into_scalar::<f32>(), 5.0);
/// ```
///
/// # Panics
///
/// As Burn's functions, if the shapes do not fit each other.
pub fn conv2d_batch_norm(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
    parameters: BatchNormParameters,
    epilogue: Epilogue<4>,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if let Some(shape) = conv_shape(&input, &weight, bias.as_ref(), &options)
        && can_normalize(shape, &parameters.tensors(), &epilogue)
        && !has_autodiff(&input, &parameters.tensors(), &epilogue)
        && !weight.device().is_autodiff()
        && bias.as_ref().is_none_or(|bias| !bias.device().is_autodiff())
    {
        return convolve_and_normalize(input, weight, bias, &options, parameters, epilogue);
    }
    batch_norm(conv2d(input, weight, bias, options), parameters, epilogue)
}
