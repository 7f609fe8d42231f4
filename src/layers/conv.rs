//! Convolution, and the batch norm after it.

use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Tensor};
use fastburn_kernels::{Epilogue, conv2d_batch_norm};

use super::full_precision::FullPrecision;
use super::norm::parameters;

/// Applies a convolution to `[batch, channels, height, width]`: `layer.forward(input)`, but on the
/// CPU several times as fast.
///
/// ```
/// use burn::nn::conv::Conv2dConfig;
/// use burn::tensor::Tensor;
/// use fastburn::layers::conv2d;
///
/// let device = fastburn::device::cpu()?;
/// let layer = Conv2dConfig::new([3, 8], [3, 3]).init(&device);
/// assert_eq!(conv2d(&layer, Tensor::zeros([2, 3, 28, 28], &device)).dims(), [2, 8, 26, 26]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Panics
///
/// If the number of channels is another one.
pub fn conv2d(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    match options(layer) {
        Some(options) => fastburn_kernels::conv2d(input, layer.weight.val(), bias(layer), options),
        None => layer.forward(input),
    }
}

/// Applies a convolution to `[batch, channels, height, width]`, the batch norm after it, and what
/// follows: `norm.forward_with(conv2d(layer, input), epilogue)`. In inference on the CPU, where a norm
/// only multiplies and adds, all of it is one operation, so that nobody sees the convolution's output: a
/// model that reports it asks [`is_observed`](super::is_observed) first.
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::nn::conv::Conv2dConfig;
/// use burn::tensor::Tensor;
/// use fastburn::layers::{Epilogue, FullPrecision, conv2d_norm};
///
/// let device = fastburn::device::cpu()?;
/// let layer = Conv2dConfig::new([3, 8], [3, 3]).init(&device);
/// let norm: FullPrecision<_> = BatchNormConfig::new(8).init(&device).into();
/// let maps = conv2d_norm(&layer, &norm, Tensor::zeros([2, 3, 28, 28], &device), Epilogue::Relu);
/// assert_eq!(maps.dims(), [2, 8, 26, 26]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Panics
///
/// If the number of channels is another one, or a residual does not fit.
pub fn conv2d_norm(
    layer: &Conv2d,
    norm: &FullPrecision<BatchNorm>,
    input: Tensor<4>,
    epilogue: Epilogue<4>,
) -> Tensor<4> {
    let (device, weight, bias) = (input.device(), layer.weight.val(), bias(layer));
    // With autodiff in any of them, the norm may be one that trains.
    let is_inference = input.dtype() == DType::F32
        && !device.is_autodiff()
        && !weight.device().is_autodiff()
        && !bias.as_ref().is_some_and(|bias| bias.device().is_autodiff());
    match options(layer) {
        Some(options) if is_inference => {
            let parameters = parameters(norm, &device);
            conv2d_batch_norm(input, weight, bias, options, parameters, epilogue)
        }
        _ => norm.forward_with(conv2d(layer, input), epilogue),
    }
}

fn bias(layer: &Conv2d) -> Option<Tensor<1>> {
    layer.bias.as_ref().map(|bias| bias.val())
}

/// Returns the options of a convolution, unless its padding depends on the size of the input.
fn options(layer: &Conv2d) -> Option<ConvOptions<2>> {
    let padding = match layer.padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
        PaddingConfig2d::Same => return None,
    };
    let Conv2d { stride, dilation, groups, .. } = *layer;
    Some(ConvOptions { stride, padding, dilation, groups })
}
