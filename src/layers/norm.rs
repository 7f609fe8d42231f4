//! Batch normalisation with PyTorch's running statistics.

use burn::nn::BatchNorm;
use burn::tensor::{Device, Tensor};
use fastburn_kernels::{
    BatchNormParameters, Epilogue, batch_norm as normalize, batch_norm_training,
};

/// Applies a batch norm to `[batch, channels, …]`, and what follows it.
///
/// In training, the running variance is updated with the unbiased variance of the batch, as in
/// PyTorch; Burn's own layer updates it with the biased one. Both normalise with the biased one.
pub(crate) fn batch_norm<const D: usize>(
    layer: &BatchNorm,
    input: Tensor<D>,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    let device = input.device();
    if !(device.is_autodiff() && layer.training.is_enabled()) {
        return normalize(input, parameters(layer, &device), epilogue);
    }
    let (gamma, beta) = (layer.gamma.val(), layer.beta.val());
    let shape = input.dims();
    let values_per_channel = shape.iter().product::<usize>() / shape[1].max(1);
    // A single value per channel has no unbiased variance; its biased one is 0.
    let unbiased = values_per_channel as f64 / values_per_channel.saturating_sub(1).max(1) as f64;
    let result = batch_norm_training(input, gamma, beta, layer.epsilon, epilogue);
    let momentum = layer.momentum;
    let updated = |running: Tensor<1>, of_batch: Tensor<1>| {
        (running.to_device(&device) * (1.0 - momentum) + of_batch * momentum).detach()
    };
    let mean = updated(layer.running_mean.value_sync(), result.mean);
    let variance = updated(layer.running_var.value_sync(), result.variance * unbiased);
    layer.running_mean.update(mean);
    layer.running_var.update(variance);
    result.output
}

/// Returns what a batch norm has in inference.
pub(super) fn parameters(layer: &BatchNorm, device: &Device) -> BatchNormParameters {
    BatchNormParameters {
        weight: layer.gamma.val(),
        bias: layer.beta.val(),
        mean: layer.running_mean.value().to_device(device),
        variance: layer.running_var.value().to_device(device),
        epsilon: layer.epsilon,
    }
}
