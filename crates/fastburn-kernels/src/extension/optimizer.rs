//! Steps of optimizers on tensors.

use burn::tensor::Tensor;

use super::flex::{is_ours, primitive, row_major, tensor};
use crate::kernels::instructions::Instructions;
use crate::kernels::optimizer::{adam, sgd};
use crate::steps::{AdamStep, SgdStep};

/// Whether the kernels can take a step: optimizers work outside of autodiff.
pub(crate) fn can_step<const D: usize>(tensors: &[&Tensor<D>]) -> bool {
    tensors.iter().all(|tensor| {
        tensor.dims() == tensors[0].dims() && is_ours(tensor) && !tensor.device().is_autodiff()
    })
}

/// Takes a step of Adam, where [`can_step`] says so.
pub(crate) fn step_adam<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    [moment_1, moment_2]: [Tensor<D>; 2],
    step: AdamStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let all = [parameter, gradient, moment_1, moment_2];
    let [mut parameter, gradient, mut moment_1, mut moment_2] =
        all.map(|values| row_major(primitive(values)));
    // Where nobody else has a buffer it is updated in place, and copied first elsewhere.
    adam(
        Instructions::chosen(),
        step,
        parameter.storage_mut(),
        gradient.storage(),
        moment_1.storage_mut(),
        moment_2.storage_mut(),
    );
    (tensor(parameter), [moment_1, moment_2].map(tensor))
}

/// Takes a step of descent, where [`can_step`] says so.
pub(crate) fn step_sgd<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: SgdStep,
) -> (Tensor<D>, Option<Tensor<D>>) {
    let [mut parameter, gradient] =
        [parameter, gradient].map(|values| row_major(primitive(values)));
    let mut velocity = velocity.map(|values| row_major(primitive(values)));
    let of_velocity = velocity.as_mut().map(|values| values.storage_mut());
    let of_parameter = parameter.storage_mut();
    sgd(Instructions::chosen(), step, of_parameter, gradient.storage(), of_velocity);
    (tensor(parameter), velocity.map(tensor))
}
