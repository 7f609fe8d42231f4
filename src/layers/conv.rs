//! Convolution.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;

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
    let padding = match layer.padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
        // It depends on the size of the input.
        PaddingConfig2d::Same => return layer.forward(input),
    };
    let Conv2d { stride, dilation, groups, .. } = *layer;
    let options = ConvOptions { stride, padding, dilation, groups };
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    fastburn_kernels::conv2d(input, layer.weight.val(), bias, options)
}
