//! Convolution of tensors.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;
use burn_flex::FlexTensor;

use super::channel_sums::ChannelSums;
use super::flex::{
    channels_last, dims, height_and_width, is_ours, of_channels_last, of_row_major, row_major,
};
use super::kept_weights::{release, with_prepared_weight};
use crate::kernels::convolution::{Geometry, forward, input_gradient, prepare, weight_gradient};
use crate::kernels::finish::Finish;
use crate::kernels::instructions::Instructions;

/// The stride and the padding of a convolution, `[height, width]`.
pub(super) type Steps = [[usize; 2]; 2];

#[backend_extension(Flex, Autodiff)]
trait Convolution: Backend {
    fn fastburn_conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;

    fn fastburn_conv_with_bias(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;
}

/// What autodiff calls: the forward pass with weights that change, and the backward pass.
trait Training: ChannelSums {
    fn conv_output(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;

    fn conv_output_with_bias(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;

    fn conv_input_gradient(
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        size: [usize; 2],
        steps: Steps,
    ) -> FloatTensor<Self>;

    fn conv_weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        kernel: [usize; 2],
        steps: Steps,
    ) -> FloatTensor<Self>;
}

fn geometry_of(input: &FlexTensor, weight: &FlexTensor, [stride, padding]: Steps) -> Geometry {
    let [batch, inputs, height, width] = dims(input);
    let [outputs, _, rows, columns] = dims(weight);
    let (size, kernel) = ([height, width], [rows, columns]);
    Geometry { batch, inputs, outputs, size, kernel, stride, padding }
}

/// Convolves with a prepared weight.
fn output_of(
    geometry: &Geometry,
    input: FlexTensor,
    prepared: &[f32],
    bias: Option<FlexTensor>,
    finish: Option<&Finish<'_>>,
) -> FlexTensor {
    let (input, bias) = (channels_last(input), bias.map(row_major));
    let bias = bias.as_ref().map(|bias| bias.storage());
    let input = input.storage();
    let output = forward(Instructions::chosen(), geometry, input, prepared, bias, finish);
    let [height, width] = geometry.output();
    of_channels_last(output, &[geometry.batch, geometry.outputs, height, width])
}

/// Convolves in training.
fn output_in_training(
    input: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    steps: Steps,
) -> FlexTensor {
    // What a validation prepared: from the second step on, its weights are gone.
    release();
    let geometry = geometry_of(&input, &weight, steps);
    let prepared = prepare(Instructions::chosen(), &geometry, row_major(weight).storage());
    output_of(&geometry, input, &prepared, bias, None)
}

/// Convolves in inference.
pub(super) fn output_in_inference(
    input: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    steps: Steps,
    finish: Option<&Finish<'_>>,
) -> FlexTensor {
    let geometry = geometry_of(&input, &weight, steps);
    with_prepared_weight(&geometry, weight, |prepared| {
        output_of(&geometry, input, prepared, bias, finish)
    })
}

impl Convolution for Flex {
    fn fastburn_conv(input: FlexTensor, weight: FlexTensor, steps: Steps) -> FlexTensor {
        output_in_inference(input, weight, None, steps, None)
    }

    fn fastburn_conv_with_bias(
        input: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        steps: Steps,
    ) -> FlexTensor {
        output_in_inference(input, weight, Some(bias), steps, None)
    }
}

impl Training for Flex {
    fn conv_output(input: FlexTensor, weight: FlexTensor, steps: Steps) -> FlexTensor {
        output_in_training(input, weight, None, steps)
    }

    fn conv_output_with_bias(
        input: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        steps: Steps,
    ) -> FlexTensor {
        output_in_training(input, weight, Some(bias), steps)
    }

    fn conv_input_gradient(
        gradient: FlexTensor,
        weight: FlexTensor,
        size: [usize; 2],
        [stride, padding]: Steps,
    ) -> FlexTensor {
        let [batch, ..]: [usize; 4] = dims(&gradient);
        let [outputs, inputs, rows, columns] = dims(&weight);
        let kernel = [rows, columns];
        let geometry = Geometry { batch, inputs, outputs, size, kernel, stride, padding };
        let (gradient, weight) = (channels_last(gradient), row_major(weight));
        let values =
            input_gradient(Instructions::chosen(), &geometry, gradient.storage(), weight.storage());
        of_channels_last(values, &[batch, inputs, size[0], size[1]])
    }

    fn conv_weight_gradient(
        input: FlexTensor,
        gradient: FlexTensor,
        kernel: [usize; 2],
        [stride, padding]: Steps,
    ) -> FlexTensor {
        let ([batch, inputs, height, width], [_, outputs, ..]): ([usize; 4], [usize; 4]) =
            (dims(&input), dims(&gradient));
        let size = [height, width];
        let geometry = Geometry { batch, inputs, outputs, size, kernel, stride, padding };
        let (input, gradient) = (channels_last(input), channels_last(gradient));
        let values =
            weight_gradient(Instructions::chosen(), &geometry, input.storage(), gradient.storage());
        of_row_major(values, &[outputs, inputs, kernel[0], kernel[1]])
    }
}

/// What the backward pass of a convolution needs: its input and weight, their sizes and the steps.
type State = (NodeId, NodeId, [usize; 2], [usize; 2], Steps);

/// Registers the gradients of input and weight, if they are wanted.
fn backward<B: Training>(
    (input, weight, size, kernel, steps): State,
    gradient: FloatTensor<B>,
    [of_input, of_weight]: [Option<NodeId>; 2],
    gradients: &mut Gradients,
    checkpointer: &mut Checkpointer,
) {
    let input = checkpointer.retrieve_node_output::<FloatTensor<B>>(input);
    let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(weight);
    if let Some(node) = of_input {
        let of_input = B::conv_input_gradient(gradient.clone(), weight, size, steps);
        gradients.register::<B>(node, of_input);
    }
    if let Some(node) = of_weight {
        let of_weight = B::conv_weight_gradient(input, gradient, kernel, steps);
        gradients.register::<B>(node, of_weight);
    }
}

impl<B: Convolution + Training, C: CheckpointStrategy> Convolution for Autodiff<B, C> {
    fn fastburn_conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Convolve;
        impl<B: Training> Backward<B, 2> for Convolve {
            type State = State;

            fn backward(
                self,
                ops: Ops<State, 2>,
                gradients: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let parents = ops.parents.map(|parent| parent.map(|node| node.id));
                backward::<B>(ops.state, gradient, parents, gradients, checkpointer);
            }
        }
        let (size, kernel) = (height_and_width::<Self>(&input), height_and_width::<Self>(&weight));
        match Convolve.prepare::<C>([input.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let (at, of) = (preparation.checkpoint(&input), preparation.checkpoint(&weight));
                let output = B::conv_output(input.into_primitive(), weight.into_primitive(), steps);
                preparation.finish((at, of, size, kernel, steps), output)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(B::conv_output(
                input.into_primitive(),
                weight.into_primitive(),
                steps,
            )),
        }
    }

    fn fastburn_conv_with_bias(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Convolve;
        impl<B: Training> Backward<B, 3> for Convolve {
            type State = State;

            fn backward(
                self,
                ops: Ops<State, 3>,
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
        let (size, kernel) = (height_and_width::<Self>(&input), height_and_width::<Self>(&weight));
        let nodes = [input.node(), weight.node(), bias.node()];
        match Convolve.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let (at, of) = (preparation.checkpoint(&input), preparation.checkpoint(&weight));
                let output = B::conv_output_with_bias(
                    input.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    steps,
                );
                preparation.finish((at, of, size, kernel, steps), output)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(B::conv_output_with_bias(
                input.into_primitive(),
                weight.into_primitive(),
                bias.into_primitive(),
                steps,
            )),
        }
    }
}

/// Returns the shape of the output, if the kernels can compute a convolution with these options.
pub(crate) fn conv_shape(
    input: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    options: &ConvOptions<2>,
) -> Option<[usize; 4]> {
    let ([batch, inputs, height, width], [outputs, of_weight, rows, columns]) =
        (input.dims(), weight.dims());
    let [stride, padding] = steps_of(options);
    let (size, kernel) = ([height, width], [rows, columns]);
    let geometry = Geometry { batch, inputs, outputs, size, kernel, stride, padding };
    let is_known = options.groups == 1
        && options.dilation == [1, 1]
        && options.padding.iter().all(|(begin, end)| begin == end)
        && inputs == of_weight
        && geometry.is_valid()
        && bias.is_none_or(|bias| bias.dims() == [outputs] && is_ours(bias))
        && is_ours(input)
        && is_ours(weight);
    is_known.then(|| {
        let [height, width] = geometry.output();
        [batch, outputs, height, width]
    })
}

pub(super) fn steps_of(options: &ConvOptions<2>) -> Steps {
    [options.stride, options.padding.map(|(begin, _)| begin)]
}

/// Convolves, where [`conv_shape`] returns one.
pub(crate) fn convolve(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: &ConvOptions<2>,
) -> Tensor<4> {
    let steps = steps_of(options);
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => Dispatch::fastburn_conv_with_bias(input, weight, bias.into_dispatch(), steps),
        None => Dispatch::fastburn_conv(input, weight, steps),
    })
}
