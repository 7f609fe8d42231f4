//! ReLU of tensors.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::flex::alike;
use crate::kernels::instructions::Instructions;
use crate::kernels::relu::{forward, gradient};

#[backend_extension(Flex, Autodiff)]
trait Relu: Backend {
    fn fastburn_relu(input: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The backward pass, outside of autodiff.
trait ReluGradient: Backend {
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Relu for Flex {
    fn fastburn_relu(input: FlexTensor) -> FlexTensor {
        let ([input], of_values) = alike([input]);
        of_values(forward(Instructions::chosen(), input.storage()))
    }
}

impl ReluGradient for Flex {
    fn relu_gradient(output: FlexTensor, of_output: FlexTensor) -> FlexTensor {
        let ([output, of_output], of_values) = alike([output, of_output]);
        of_values(gradient(Instructions::chosen(), output.storage(), of_output.storage()))
    }
}

impl<B: Relu + ReluGradient, C: CheckpointStrategy> Relu for Autodiff<B, C> {
    fn fastburn_relu(input: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Clip;
        impl<B: ReluGradient> Backward<B, 1> for Clip {
            type State = FloatTensor<B>;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                if let [Some(node)] = ops.parents {
                    let of_input = B::relu_gradient(ops.state, gradient);
                    gradients.register::<B>(node.id, of_input);
                }
            }
        }
        match Clip.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let output = B::fastburn_relu(input.into_primitive());
                preparation.finish(output.clone(), output)
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(B::fastburn_relu(input.into_primitive()))
            }
        }
    }
}

/// Returns ReLU of each value of a tensor that the kernels can compute with.
pub(crate) fn clip<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::fastburn_relu(input.into_dispatch()))
}
