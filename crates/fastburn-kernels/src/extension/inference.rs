//! Batch norms in inference, alone and after a convolution: outside of autodiff, so without a
//! backward pass.

use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;
use burn_flex::FlexTensor;

use super::batch_norm::apply;
use super::convolution::{output_in_inference, steps_of};
use super::flex::{channels_last, primitive, row_major, tensor};
use crate::batch_norm::BatchNormParameters;
use crate::epilogue::Epilogue;
use crate::kernels::finish::{Affine, Finish};

/// Normalises with given statistics, where `can_normalize` says so and there is no autodiff.
pub(crate) fn normalize<const D: usize>(
    input: Tensor<D>,
    parameters: BatchNormParameters,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    let BatchNormParameters { weight, bias, mean, variance, epsilon } = parameters;
    let parameters = [weight, bias, mean, variance].map(primitive);
    let (residual, clips) = parts_of(epilogue);
    tensor(apply(primitive(input), parameters, residual, epsilon, clips))
}

/// Convolves and normalises, where `conv_shape` returns a shape, `can_normalize` says so, and there
/// is no autodiff.
pub(crate) fn convolve_and_normalize(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: &ConvOptions<2>,
    parameters: BatchNormParameters,
    epilogue: Epilogue<4>,
) -> Tensor<4> {
    let affine = affine(parameters, bias);
    let (residual, clips) = parts_of(epilogue);
    let residual = residual.map(channels_last);
    let residual = residual.as_ref().map(|residual| residual.storage());
    let finish = Finish { affine: &affine, residual, clips };
    let (input, weight, steps) = (primitive(input), primitive(weight), steps_of(options));
    tensor(output_in_inference(input, weight, None, steps, Some(&finish)))
}

/// Returns what the batch norm of a convolution's sums and its bias multiplies and adds.
fn affine(parameters: BatchNormParameters, bias: Option<Tensor<1>>) -> Affine {
    let BatchNormParameters { weight, bias: shift, mean, variance, epsilon } = parameters;
    // A bias moves the mean.
    let mean = match bias {
        Some(bias) => mean - bias,
        None => mean,
    };
    let all = [weight, shift, mean, variance].map(|values| row_major(primitive(values)));
    let [weight, shift, mean, variance] = all.each_ref().map(|values| values.storage());
    Affine::new(weight, shift, mean, variance, epsilon)
}

/// Returns the residual of an epilogue, and whether it applies ReLU.
fn parts_of<const D: usize>(epilogue: Epilogue<D>) -> (Option<FlexTensor>, bool) {
    match epilogue {
        Epilogue::None => (None, false),
        Epilogue::Relu => (None, true),
        Epilogue::AddRelu(residual) => (Some(primitive(residual)), true),
    }
}
