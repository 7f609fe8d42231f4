//! Steps of optimizers on tensors.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::flex::{is_ours, of_row_major, row_major};
use crate::kernels::instructions::Instructions;
use crate::kernels::optimizer::{Adam, Decay, adam, sgd};
use crate::steps::{AdamStep, SgdStep, WeightDecay};

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

impl From<WeightDecay> for Decay {
    fn from(decay: WeightDecay) -> Self {
        match decay {
            WeightDecay::None => Self { factor: 1.0, penalty: 0.0 },
            WeightDecay::Factor(factor) => Self { factor, penalty: 0.0 },
            WeightDecay::Penalty(penalty) => Self { factor: 1.0, penalty },
        }
    }
}

impl OptimizerStep for Flex {
    fn fastburn_adam(
        parameter: FlexTensor,
        gradient: FlexTensor,
        moment_1: FlexTensor,
        moment_2: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let AdamStep { lr, beta_1, beta_2, epsilon, time, decay } = step;
        let step = Adam { lr, beta_1, beta_2, epsilon, time, decay: decay.into() };
        let shape = parameter.layout().shape().to_vec();
        let [parameter, gradient] = [parameter, gradient].map(row_major);
        let [mut moment_1, mut moment_2] = [moment_1, moment_2].map(row_major);
        let updated = adam(
            Instructions::chosen(),
            step,
            parameter.storage(),
            gradient.storage(),
            moment_1.storage_mut(),
            moment_2.storage_mut(),
        );
        (of_row_major(updated, &shape), moment_1, moment_2)
    }

    fn fastburn_sgd(parameter: FlexTensor, gradient: FlexTensor, step: SgdStep) -> FlexTensor {
        let shape = parameter.layout().shape().to_vec();
        let [parameter, gradient] = [parameter, gradient].map(row_major);
        let (parameter, gradient) = (parameter.storage(), gradient.storage());
        let decay = step.decay.into();
        let updated = sgd(Instructions::chosen(), step.lr, decay, parameter, gradient, None);
        of_row_major(updated, &shape)
    }

    fn fastburn_momentum(
        parameter: FlexTensor,
        gradient: FlexTensor,
        velocity: FlexTensor,
        step: SgdStep,
    ) -> (FlexTensor, FlexTensor) {
        let shape = parameter.layout().shape().to_vec();
        let [parameter, gradient] = [parameter, gradient].map(row_major);
        let mut velocity = row_major(velocity);
        let updated = sgd(
            Instructions::chosen(),
            step.lr,
            step.decay.into(),
            parameter.storage(),
            gradient.storage(),
            Some((step.momentum, velocity.storage_mut())),
        );
        (of_row_major(updated, &shape), velocity)
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
