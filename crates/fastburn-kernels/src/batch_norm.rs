//! Batch normalisation.

use burn::tensor::Tensor;
use burn::tensor::module::{
    BatchNormTrainOutput, batch_norm as burn_batch_norm, batch_norm_train as burn_batch_norm_train,
};

use crate::epilogue::Epilogue;
#[cfg(feature = "flex")]
use crate::extension::{can_normalize, has_autodiff, normalize, normalize_in_training};

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
    if can_normalize(&input, &[&weight, &bias], &epilogue) {
        return normalize_in_training(input, [weight, bias], epsilon, epilogue);
    }
    let result = burn_batch_norm_train(input, weight, bias, epsilon);
    BatchNormTrainOutput { output: epilogue.apply(result.output), ..result }
}

/// Normalises `[batch, channels, …]` with a given mean and variance, as
/// [`burn::tensor::module::batch_norm`] does, and applies what follows in the same pass.
///
/// `weight`, `bias`, `mean` and `variance` are `[channels]`. If one of them is on a
/// device with autodiff, it calls Burn's own operations.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::{Epilogue, batch_norm};
///
/// let device = Device::flex();
/// let input = Tensor::<2>::from_floats([[1.0], [5.0]], &device);
/// let of_channel = |value: f32| Tensor::<1>::from_floats([value], &device);
/// let (weight, bias) = (of_channel(1.0), of_channel(0.0));
/// let (mean, variance) = (of_channel(3.0), of_channel(4.0));
/// let residual = Tensor::from_floats([[0.5], [0.5]], &device);
/// let epilogue = Epilogue::AddRelu(residual);
/// let output = batch_norm(input, [weight, bias], [mean, variance], 0.0, epilogue);
/// assert_eq!(output.into_data().try_to_vec::<f32>().unwrap(), [0.0, 1.5]);
/// ```
///
/// # Panics
///
/// As Burn's function, if the shapes do not fit each other.
pub fn batch_norm<const D: usize>(
    input: Tensor<D>,
    [weight, bias]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if can_normalize(&input, &[&weight, &bias, &mean, &variance], &epilogue)
        && !has_autodiff(&input, &[&weight, &bias, &mean, &variance], &epilogue)
    {
        return normalize(input, [weight, bias, mean, variance], epsilon, epilogue);
    }
    epilogue.apply(burn_batch_norm(input, weight, bias, mean, variance, epsilon))
}
