//! Linear layers.

use burn::nn;
use burn::tensor::Tensor;

/// Applies a linear layer to `[batch, inputs]`: `layer.forward(input)`, but faster on the CPU for
/// large batches.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Tensor;
/// use fastburn::layers::linear;
///
/// let device = fastburn::device::cpu()?;
/// let layer = LinearConfig::new(3, 8).init(&device);
/// assert_eq!(linear(&layer, Tensor::zeros([2, 3], &device)).dims(), [2, 8]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Panics
///
/// If the number of inputs is another one.
pub fn linear(layer: &nn::Linear, input: Tensor<2>) -> Tensor<2> {
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    fastburn_kernels::linear(input, layer.weight.val(), bias)
}
