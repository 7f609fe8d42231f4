//! Steps of optimizers on tensors.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::flex::{is_ours, row_major};
use crate::kernels::instructions::Instructions;
use crate::kernels::optimizer::{adam, sgd};
use crate::steps::{AdamStep, SgdStep};

#[backend_extension(Flex)]
trait OptimizerStep: Backend {
    fn fastburn_adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moment_1: FloatTensor<Self>,
        moment_2: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn fastburn_sgd(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        step: SgdStep,
    ) -> FloatTensor<Self>;

    fn fastburn_momentum(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

// Tensors whose buffer nobody else has are updated in place, others are copied first.
impl OptimizerStep for Flex {
    fn fastburn_adam(
        parameter: FlexTensor,
        gradient: FlexTensor,
        moment_1: FlexTensor,
        moment_2: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let gradient = row_major(gradient);
        let [mut parameter, mut moment_1, mut moment_2] =
            [parameter, moment_1, moment_2].map(row_major);
        adam(
            Instructions::chosen(),
            step,
            parameter.storage_mut(),
            gradient.storage(),
            moment_1.storage_mut(),
            moment_2.storage_mut(),
        );
        (parameter, moment_1, moment_2)
    }

    fn fastburn_sgd(parameter: FlexTensor, gradient: FlexTensor, step: SgdStep) -> FlexTensor {
        let [mut parameter, gradient] = [parameter, gradient].map(row_major);
        sgd(Instructions::chosen(), step, parameter.storage_mut(), gradient.storage(), None);
        parameter
    }

    fn fastburn_momentum(
        parameter: FlexTensor,
        gradient: FlexTensor,
        velocity: FlexTensor,
        step: SgdStep,
    ) -> (FlexTensor, FlexTensor) {
        let [mut parameter, gradient, mut velocity] =
            [parameter, gradient, velocity].map(row_major);
        let of_velocity = Some(velocity.storage_mut());
        let of_parameter = parameter.storage_mut();
        sgd(Instructions::chosen(), step, of_parameter, gradient.storage(), of_velocity);
        (parameter, velocity)
    }
}

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
    let (parameter, moment_1, moment_2) = Dispatch::fastburn_adam(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        moment_1.into_dispatch(),
        moment_2.into_dispatch(),
        step,
    );
    (Tensor::from_dispatch(parameter), [moment_1, moment_2].map(Tensor::from_dispatch))
}

/// Takes a step of descent, where [`can_step`] says so.
pub(crate) fn step_sgd<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: SgdStep,
) -> (Tensor<D>, Option<Tensor<D>>) {
    let (parameter, gradient) = (parameter.into_dispatch(), gradient.into_dispatch());
    let Some(velocity) = velocity else {
        return (Tensor::from_dispatch(Dispatch::fastburn_sgd(parameter, gradient, step)), None);
    };
    let (parameter, velocity) =
        Dispatch::fastburn_momentum(parameter, gradient, velocity.into_dispatch(), step);
    (Tensor::from_dispatch(parameter), Some(Tensor::from_dispatch(velocity)))
}
