//! Steps of optimizers.

use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use crate::extension::{can_step, step_adam, step_sgd};
use crate::steps::{AdamStep, SgdStep, WeightDecay};

/// Returns the parameter after a step of Adam, and the updated averages of its gradients and of
/// their squares, which are 0 before the first step.
///
/// On flex, averages that are too small for a normal number become 0, since denormal numbers are
/// slow.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::{AdamStep, WeightDecay, adam_step};
///
/// let device = Device::flex();
/// let parameter = Tensor::<1>::from_floats([1.0], &device);
/// let moments = [parameter.zeros_like(), parameter.zeros_like()];
/// let gradient = Tensor::from_floats([0.5], &device);
/// let decay = WeightDecay::None;
/// let step = AdamStep { lr: 0.25, beta_1: 0.9, beta_2: 0.99, epsilon: 0.0, time: 1, decay };
/// // The first step is the learning rate, whatever the size of the gradient.
/// let (parameter, _moments) = adam_step(parameter, gradient, moments, step);
/// assert!((parameter.into_scalar::<f32>() - 0.75).abs() < 1e-6);
/// ```
///
/// # Panics
///
/// If the shapes differ.
pub fn adam_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    [moment_1, moment_2]: [Tensor<D>; 2],
    step: AdamStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    #[cfg(feature = "flex")]
    if can_step(&[&parameter, &gradient, &moment_1, &moment_2]) {
        return step_adam(parameter, gradient, [moment_1, moment_2], step);
    }
    let AdamStep { lr, beta_1, beta_2, epsilon, time, decay } = step;
    let (parameter, gradient) = decayed(parameter, gradient, decay);
    let time = i32::try_from(time).unwrap_or(i32::MAX);
    let moment_1 = moment_1.mul_scalar(beta_1) + gradient.clone().mul_scalar(1.0 - beta_1);
    let moment_2 = moment_2.mul_scalar(beta_2) + gradient.square().mul_scalar(1.0 - beta_2);
    let mean = moment_1.clone().div_scalar(1.0 - beta_1.powi(time));
    let square = moment_2.clone().div_scalar(1.0 - beta_2.powi(time));
    let change = mean / square.sqrt().add_scalar(epsilon);
    (parameter - change.mul_scalar(lr), [moment_1, moment_2])
}

/// Returns the parameter after a step of stochastic gradient descent, and the updated velocity, if
/// there is one.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::{SgdStep, WeightDecay, sgd_step};
///
/// let device = Device::flex();
/// let parameter = Tensor::<1>::from_floats([1.0], &device);
/// let gradient = Tensor::from_floats([0.5], &device);
/// let step = SgdStep { lr: 0.5, momentum: 0.0, decay: WeightDecay::None };
/// let (parameter, _) = sgd_step(parameter, gradient, None, step);
/// assert_eq!(parameter.into_scalar::<f32>(), 0.75);
/// ```
///
/// # Panics
///
/// If the shapes differ.
pub fn sgd_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: SgdStep,
) -> (Tensor<D>, Option<Tensor<D>>) {
    #[cfg(feature = "flex")]
    if can_step(&[&parameter, &gradient])
        && velocity.as_ref().is_none_or(|velocity| can_step(&[&parameter, velocity]))
    {
        return step_sgd(parameter, gradient, velocity, step);
    }
    let (parameter, gradient) = decayed(parameter, gradient, step.decay);
    let velocity = velocity.map(|velocity| velocity.mul_scalar(step.momentum) + gradient.clone());
    let change = velocity.clone().unwrap_or(gradient).mul_scalar(step.lr);
    (parameter - change, velocity)
}

/// Returns the parameter and the gradient after weight decay.
fn decayed<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    decay: WeightDecay,
) -> (Tensor<D>, Tensor<D>) {
    match decay {
        WeightDecay::None => (parameter, gradient),
        WeightDecay::Factor(factor) => (parameter.mul_scalar(factor), gradient),
        WeightDecay::Penalty(rate) => {
            let gradient = gradient + parameter.clone().mul_scalar(rate);
            (parameter, gradient)
        }
    }
}
