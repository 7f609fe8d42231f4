//! Activation functions of tensors.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::flex::alike;
use crate::kernels::activation::{Activation, forward, gradient};
use crate::kernels::instructions::Instructions;

#[backend_extension(Flex, Autodiff)]
trait Activate: Backend {
    fn fastburn_activate(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;
}

/// The backward pass, outside of autodiff.
trait ActivationGradient: Backend {
    fn activation_gradient(
        activation: Activation,
        kept: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl Activate for Flex {
    fn fastburn_activate(input: FlexTensor, activation: Activation) -> FlexTensor {
        let ([input], of_values) = alike([input]);
        of_values(forward(Instructions::chosen(), activation, input.storage()))
    }
}

impl ActivationGradient for Flex {
    fn activation_gradient(
        activation: Activation,
        kept: FlexTensor,
        of_output: FlexTensor,
    ) -> FlexTensor {
        let ([kept, of_output], of_values) = alike([kept, of_output]);
        let (kept, of_output) = (kept.storage(), of_output.storage());
        of_values(gradient(Instructions::chosen(), activation, kept, of_output))
    }
}

impl<B: Activate + ActivationGradient, C: CheckpointStrategy> Activate for Autodiff<B, C> {
    fn fastburn_activate(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;
        impl<B: ActivationGradient> Backward<B, 1> for Step {
            type State = (Activation, FloatTensor<B>);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let (activation, kept) = ops.state;
                if let [Some(node)] = ops.parents {
                    let of_input = B::activation_gradient(activation, kept, gradient);
                    gradients.register::<B>(node.id, of_input);
                }
            }
        }
        match Step.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let input = input.into_primitive();
                let output = B::fastburn_activate(input.clone(), activation);
                let kept = if activation.keeps_output() { output.clone() } else { input };
                preparation.finish((activation, kept), output)
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(B::fastburn_activate(input.into_primitive(), activation))
            }
        }
    }
}

/// Returns the function of each value of a tensor that the kernels can compute with.
pub(crate) fn activate<const D: usize>(input: Tensor<D>, activation: Activation) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::fastburn_activate(input.into_dispatch(), activation))
}
