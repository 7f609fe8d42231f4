//! Batch normalisation.

use burn::tensor::Tensor;
use burn::tensor::module::{
    BatchNormTrainOutput, batch_norm as burn_batch_norm, batch_norm_train as burn_batch_norm_train,
};

use crate::epilogue::Epilogue;
#[cfg(feature = "flex")]
use crate::extension::{can_normalize, has_autodiff, is_ours, normalize, normalize_in_training};

/// Normalises `[batch, channels, …]` with the mean and the biased variance of the batch, as
/// [`burn::tensor::module::batch_norm_train`] does, and applies what follows in the same pass.
///
/// `weight` and `bias` are `[channels]`. The mean and the variance of the result are too, and are
/// detached.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::{Epilogue, batch_norm_training};
///
/// let device = Device::flex();
/// let input = Tensor::<2>::from_floats([[1.0], [3.0]], &device);
/// let (weight, bias) = (Tensor::ones([1], &device), Tensor::zeros([1], &device));
/// let result = batch_norm_training(input, weight, bias, 0.0, Epilogue::Relu);
/// assert_eq!(result.output.into_data().to_vec::<f32>().unwrap(), [0.0, 1.0]);
/// assert_eq!(result.mean.into_scalar::<f32>(), 2.0);
/// ```
///
/// # Panics
///
/// As Burn's function, if the shapes do not fit each other.
pub fn batch_norm_training<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> BatchNormTrainOutput<D> {
    #[cfg(feature = "flex")]
    if is_ours(&input) && can_normalize(input.dims(), &[&weight, &bias], &epilogue) {
        return normalize_in_training(input, [weight, bias], epsilon, epilogue);
    }
    let result = burn_batch_norm_train(input, weight, bias, epsilon);
    BatchNormTrainOutput { output: epilogue.apply(result.output), ..result }
}

/// What a batch norm has in inference: its parameters and the statistics that it kept, each
/// `[channels]`.
#[derive(Debug, Clone)]
pub struct BatchNormParameters {
    /// What normalised values are multiplied by.
    pub weight: Tensor<1>,
    /// What is then added to them.
    pub bias: Tensor<1>,
    /// The running mean.
    pub mean: Tensor<1>,
    /// The running variance.
    pub variance: Tensor<1>,
    /// What is added to the variance.
    pub epsilon: f64,
}

impl BatchNormParameters {
    #[cfg(feature = "flex")]
    pub(crate) fn tensors(&self) -> [&Tensor<1>; 4] {
        [&self.weight, &self.bias, &self.mean, &self.variance]
    }
}

/// Normalises `[batch, channels, …]` with a given mean and variance, as
/// [`burn::tensor::module::batch_norm`] does, and applies what follows in the same pass.
///
/// If one of the tensors is on a device with autodiff, it calls Burn's own operations.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::{BatchNormParameters, Epilogue, batch_norm};
///
/// let device = Device::flex();
/// let input = Tensor::<2>::from_floats([[1.0], [5.0]], &device);
/// let of_channel = |value: f32| Tensor::<1>::from_floats([value], &device);
/// let parameters = BatchNormParameters {
///     weight: of_channel(1.0),
///     bias: of_channel(0.0),
///     mean: of_channel(3.0),
///     variance: of_channel(4.0),
///     epsilon: 0.0,
/// };
/// let residual = Tensor::from_floats([[0.5], [0.5]], &device);
/// let output = batch_norm(input, parameters, Epilogue::AddRelu(residual));
/// assert_eq!(output.into_data().try_to_vec::<f32>().unwrap(), [0.0, 1.5]);
/// ```
///
/// # Panics
///
/// As Burn's function, if the shapes do not fit each other.
pub fn batch_norm<const D: usize>(
    input: Tensor<D>,
    parameters: BatchNormParameters,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if is_ours(&input)
        && can_normalize(input.dims(), &parameters.tensors(), &epilogue)
        && !has_autodiff(&input, &parameters.tensors(), &epilogue)
    {
        return normalize(input, parameters, epilogue);
    }
    let BatchNormParameters { weight, bias, mean, variance, epsilon } = parameters;
    epilogue.apply(burn_batch_norm(input, weight, bias, mean, variance, epsilon))
}
