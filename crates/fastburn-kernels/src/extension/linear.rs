//! Linear layers.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::channel_sums::ChannelSums;
use super::flex::{dims, is_ours, of_row_major, row_major};
use crate::kernels::convolution::{fits, matrix_gradient, matrix_input_gradient, matrix_product};
use crate::kernels::instructions::Instructions;

#[backend_extension(Flex, Autodiff)]
trait Linear: Backend {
    fn fastburn_linear(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    fn fastburn_linear_with_bias(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// The backward pass, outside of autodiff.
trait LinearGradients: ChannelSums {
    fn linear_input_gradient(
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn linear_weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

fn output_of(input: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>) -> FlexTensor {
    let ([rows, inputs], [_, outputs]) = (dims(&input), dims(&weight));
    let (input, weight, bias) = (row_major(input), row_major(weight), bias.map(row_major));
    let bias = bias.as_ref().map(|bias| bias.storage());
    let sizes = [rows, inputs, outputs];
    let output =
        matrix_product(Instructions::chosen(), sizes, input.storage(), weight.storage(), bias);
    of_row_major(output, &[rows, outputs])
}

impl Linear for Flex {
    fn fastburn_linear(input: FlexTensor, weight: FlexTensor) -> FlexTensor {
        output_of(input, weight, None)
    }

    fn fastburn_linear_with_bias(
        input: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
    ) -> FlexTensor {
        output_of(input, weight, Some(bias))
    }
}

impl LinearGradients for Flex {
    fn linear_input_gradient(gradient: FlexTensor, weight: FlexTensor) -> FlexTensor {
        let ([rows, outputs], [inputs, _]) = (dims(&gradient), dims(&weight));
        let (gradient, weight) = (row_major(gradient), row_major(weight));
        let values = matrix_input_gradient(
            Instructions::chosen(),
            [rows, inputs, outputs],
            gradient.storage(),
            weight.storage(),
        );
        of_row_major(values, &[rows, inputs])
    }

    fn linear_weight_gradient(input: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let ([rows, inputs], [_, outputs]) = (dims(&input), dims(&gradient));
        let (input, gradient) = (row_major(input), row_major(gradient));
        let sizes = [rows, inputs, outputs];
        let values =
            matrix_gradient(Instructions::chosen(), sizes, input.storage(), gradient.storage());
        of_row_major(values, &[inputs, outputs])
    }
}

/// Registers the gradients of input and weight, if they are wanted.
fn backward<B: LinearGradients>(
    [input, weight]: [NodeId; 2],
    gradient: FloatTensor<B>,
    [of_input, of_weight]: [Option<NodeId>; 2],
    gradients: &mut Gradients,
    checkpointer: &mut Checkpointer,
) {
    let input = checkpointer.retrieve_node_output::<FloatTensor<B>>(input);
    let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(weight);
    if let Some(node) = of_input {
        let of_input = B::linear_input_gradient(gradient.clone(), weight);
        gradients.register::<B>(node, of_input);
    }
    if let Some(node) = of_weight {
        gradients.register::<B>(node, B::linear_weight_gradient(input, gradient));
    }
}

impl<B: Linear + LinearGradients, C: CheckpointStrategy> Linear for Autodiff<B, C> {
    fn fastburn_linear(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Product;
        impl<B: LinearGradients> Backward<B, 2> for Product {
            type State = [NodeId; 2];

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                gradients: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let parents = ops.parents.map(|parent| parent.map(|node| node.id));
                backward::<B>(ops.state, gradient, parents, gradients, checkpointer);
            }
        }
        match Product.prepare::<C>([input.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let state = [preparation.checkpoint(&input), preparation.checkpoint(&weight)];
                let output = B::fastburn_linear(input.into_primitive(), weight.into_primitive());
                preparation.finish(state, output)
            }
            OpsKind::UnTracked(preparation) => preparation
                .finish(B::fastburn_linear(input.into_primitive(), weight.into_primitive())),
        }
    }

    fn fastburn_linear_with_bias(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Product;
        impl<B: LinearGradients> Backward<B, 3> for Product {
            type State = [NodeId; 2];

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let [input, weight, bias] = ops.parents.map(|parent| parent.map(|node| node.id));
                if let Some(node) = bias {
                    gradients.register::<B>(node, B::channel_sums(gradient.clone()));
                }
                backward::<B>(ops.state, gradient, [input, weight], gradients, checkpointer);
            }
        }
        let nodes = [input.node(), weight.node(), bias.node()];
        match Product.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let state = [preparation.checkpoint(&input), preparation.checkpoint(&weight)];
                let output = B::fastburn_linear_with_bias(
                    input.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                );
                preparation.finish(state, output)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(B::fastburn_linear_with_bias(
                input.into_primitive(),
                weight.into_primitive(),
                bias.into_primitive(),
            )),
        }
    }
}

/// The fewest rows and outputs for which the kernels are faster than Burn's products: fewer leave
/// most of a tile empty.
const FEWEST: usize = 4;

/// Returns whether the kernels can compute a linear layer of these tensors, and are faster.
pub(crate) fn should_multiply(
    input: &Tensor<2>,
    weight: &Tensor<2>,
    bias: Option<&Tensor<1>>,
) -> bool {
    let ([rows, inputs], [of_weight, outputs]) = (input.dims(), weight.dims());
    inputs == of_weight
        && rows.min(outputs) >= FEWEST
        && fits([rows, inputs, outputs])
        && bias.is_none_or(|bias| bias.dims() == [outputs] && is_ours(bias))
        && is_ours(input)
        && is_ours(weight)
}

/// Returns `input · weight + bias`, where [`should_multiply`] says so.
pub(crate) fn multiply(input: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => Dispatch::fastburn_linear_with_bias(input, weight, bias.into_dispatch()),
        None => Dispatch::fastburn_linear(input, weight),
    })
}
