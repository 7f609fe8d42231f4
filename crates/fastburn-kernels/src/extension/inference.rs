//! Batch norms in inference, alone and after a convolution: outside of autodiff, so without a
//! backward pass.

use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;

use super::convolution::{inferred_output_of, steps_of};
use super::flex::{channels_last, of_channels_last, primitive, row_major, tensor};
use crate::batch_norm::BatchNormParameters;
use crate::epilogue::Epilogue;
use crate::kernels::batch_norm::normalize as normalize_values;
use crate::kernels::finish::{Affine, Finish};
use crate::kernels::instructions::Instructions;

/// Normalises with given statistics, where `can_normalize` says so and there is no autodiff.
pub(crate) fn normalize<const D: usize>(
    input: Tensor<D>,
    parameters: BatchNormParameters,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    let shape = input.dims();
    let input = channels_last(primitive(input));
    let affine = affine(parameters, None);
    let output = with_finish(&affine, epilogue, |finish| {
        normalize_values(Instructions::chosen(), input.storage(), finish)
    });
    tensor(of_channels_last(output, &shape))
}

/// Convolves and normalises, where `conv_shape` returns one, `can_normalize` says so and there is no autodiff.
pub(crate) fn convolve_and_normalize(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: &ConvOptions<2>,
    parameters: BatchNormParameters,
    epilogue: Epilogue<4>,
) -> Tensor<4> {
    let steps = steps_of(options);
    let affine = affine(parameters, bias);
    let (input, weight) = (primitive(input), primitive(weight));
    tensor(with_finish(&affine, epilogue, |finish| {
        inferred_output_of(input, weight, None, steps, Some(finish))
    }))
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

/// Calls a function with what becomes of its sums.
fn with_finish<R, const D: usize>(
    affine: &Affine,
    epilogue: Epilogue<D>,
    compute: impl FnOnce(&Finish<'_>) -> R,
) -> R {
    let clips = !matches!(epilogue, Epilogue::None);
    let residual = match epilogue {
        Epilogue::AddRelu(residual) => Some(channels_last(primitive(residual))),
        Epilogue::None | Epilogue::Relu => None,
    };
    let residual = residual.as_ref().map(|residual| residual.storage());
    compute(&Finish { affine, residual, clips })
}
