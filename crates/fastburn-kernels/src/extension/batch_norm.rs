//! Batch normalisation of tensors.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::module::BatchNormTrainOutput;
use burn_flex::FlexTensor;

use super::flex::{channels_last, is_ours, of_channels_last, of_row_major, row_major};
use crate::epilogue::Epilogue;
use crate::kernels::batch_norm::{Gradients as NormGradients, Normalization};
use crate::kernels::batch_norm::{
    gradients as norm_gradients, normalize as normalize_values, statistics,
};
use crate::kernels::finish::{Affine, Finish};
use crate::kernels::instructions::Instructions;
use crate::kernels::sizes::product;

#[backend_extension(Flex, Autodiff)]
trait BatchNorm: Backend {
    /// Returns the output, the mean and the variance.
    fn fastburn_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        clips: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The same, plus a residual, and ReLU of the sum.
    fn fastburn_batch_norm_add(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// The backward pass, outside of autodiff.
trait BatchNormGradients: Backend {
    /// Returns the gradients of input, weight, bias and, where one was added, residual; `output`
    /// is looked at only if it `clips`.
    #[allow(clippy::too_many_arguments)]
    fn batch_norm_gradients(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        clips: bool,
        adds: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

fn shape_of(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

fn train(
    input: FlexTensor,
    [weight, bias]: [FlexTensor; 2],
    residual: Option<FlexTensor>,
    epsilon: f64,
    clips: bool,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let shape = shape_of(&input);
    let input = channels_last(input);
    let [mean, variance] = statistics(Instructions::chosen(), input.storage(), shape[1]);
    let [mean, variance] = [mean, variance].map(|values| of_row_major(values, &shape[1..2]));
    let parameters = [weight, bias, mean.clone(), variance.clone()];
    (apply(input, parameters, residual, epsilon, clips), mean, variance)
}

/// Normalises with given statistics, adds a residual if there is one, and applies ReLU if it `clips`.
pub(super) fn apply(
    input: FlexTensor,
    parameters: [FlexTensor; 4],
    residual: Option<FlexTensor>,
    epsilon: f64,
    clips: bool,
) -> FlexTensor {
    let shape = shape_of(&input);
    let (input, residual) = (channels_last(input), residual.map(channels_last));
    let parameters = parameters.map(row_major);
    let [weight, bias, mean, variance] = parameters.each_ref().map(|tensor| tensor.storage());
    let affine = Affine::new(weight, bias, mean, variance, epsilon);
    let residual = residual.as_ref().map(|residual| residual.storage());
    let finish = Finish { affine: &affine, residual, clips };
    let output = normalize_values(Instructions::chosen(), input.storage(), &finish);
    of_channels_last(output, &shape)
}

impl BatchNorm for Flex {
    fn fastburn_batch_norm(
        input: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        epsilon: f64,
        clips: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        train(input, [weight, bias], None, epsilon, clips)
    }

    fn fastburn_batch_norm_add(
        input: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        residual: FlexTensor,
        epsilon: f64,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        train(input, [weight, bias], Some(residual), epsilon, true)
    }
}

impl BatchNormGradients for Flex {
    fn batch_norm_gradients(
        input: FlexTensor,
        weight: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        output: FlexTensor,
        gradient: FlexTensor,
        epsilon: f64,
        clips: bool,
        adds: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let shape = shape_of(&input);
        let [input, output, gradient] = [input, output, gradient].map(channels_last);
        let [weight, mean, variance] = [weight, mean, variance].map(row_major);
        let norm = Normalization {
            values: input.storage(),
            weight: weight.storage(),
            mean: mean.storage(),
            variance: variance.storage(),
            epsilon,
            clipped: clips.then(|| output.storage()),
        };
        let NormGradients { input, weight, bias, residual } =
            norm_gradients(Instructions::chosen(), &norm, gradient.storage(), adds);
        let residual = match residual {
            Some(residual) => of_channels_last(residual, &shape),
            None => gradient,
        };
        let [weight, bias] = [weight, bias].map(|values| of_row_major(values, &shape[1..2]));
        (of_channels_last(input, &shape), weight, bias, residual)
    }
}

/// What the backward pass of a batch norm needs.
#[derive(Debug, Clone)]
struct State<T> {
    input: NodeId,
    weight: NodeId,
    mean: T,
    variance: T,
    /// If ReLU was applied.
    output: Option<T>,
    epsilon: f64,
    adds: bool,
}

/// Registers the gradients of input, weight, bias and residual that are wanted.
fn backward<B: BatchNormGradients>(
    state: State<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    nodes: [Option<NodeId>; 4],
    gradients: &mut Gradients,
    checkpointer: &mut Checkpointer,
) {
    let input = checkpointer.retrieve_node_output::<FloatTensor<B>>(state.input);
    let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(state.weight);
    let clips = state.output.is_some();
    let (of_input, of_weight, of_bias, of_residual) = B::batch_norm_gradients(
        input.clone(),
        weight,
        state.mean,
        state.variance,
        state.output.unwrap_or(input),
        gradient,
        state.epsilon,
        clips,
        state.adds,
    );
    for (node, gradient) in nodes.into_iter().zip([of_input, of_weight, of_bias, of_residual]) {
        if let Some(node) = node {
            gradients.register::<B>(node, gradient);
        }
    }
}

impl<B: BatchNorm + BatchNormGradients, C: CheckpointStrategy> BatchNorm for Autodiff<B, C> {
    fn fastburn_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        clips: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Norm;
        impl<B: BatchNorm + BatchNormGradients> Backward<B, 3> for Norm {
            type State = State<FloatTensor<B>>;

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let [input, weight, bias] = ops.parents.map(|parent| parent.map(|node| node.id));
                let nodes = [input, weight, bias, None];
                backward::<B>(ops.state, gradient, nodes, gradients, checkpointer);
            }
        }
        let nodes = [input.node(), weight.node(), bias.node()];
        match Norm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let (at, of) = (preparation.checkpoint(&input), preparation.checkpoint(&weight));
                let (output, mean, variance) = B::fastburn_batch_norm(
                    input.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    epsilon,
                    clips,
                );
                let state = State {
                    input: at,
                    weight: of,
                    mean: mean.clone(),
                    variance: variance.clone(),
                    output: clips.then(|| output.clone()),
                    epsilon,
                    adds: false,
                };
                let output = preparation.finish(state, output);
                (output, Self::from_inner(mean), Self::from_inner(variance))
            }
            OpsKind::UnTracked(preparation) => {
                let (output, mean, variance) = B::fastburn_batch_norm(
                    input.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    epsilon,
                    clips,
                );
                let output = preparation.finish(output);
                (output, Self::from_inner(mean), Self::from_inner(variance))
            }
        }
    }

    fn fastburn_batch_norm_add(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Norm;
        impl<B: BatchNorm + BatchNormGradients> Backward<B, 4> for Norm {
            type State = State<FloatTensor<B>>;

            fn backward(
                self,
                ops: Ops<Self::State, 4>,
                gradients: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let nodes = ops.parents.map(|parent| parent.map(|node| node.id));
                backward::<B>(ops.state, gradient, nodes, gradients, checkpointer);
            }
        }
        let nodes = [input.node(), weight.node(), bias.node(), residual.node()];
        match Norm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut preparation) => {
                let (at, of) = (preparation.checkpoint(&input), preparation.checkpoint(&weight));
                let (output, mean, variance) = B::fastburn_batch_norm_add(
                    input.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    residual.into_primitive(),
                    epsilon,
                );
                let state = State {
                    input: at,
                    weight: of,
                    mean: mean.clone(),
                    variance: variance.clone(),
                    output: Some(output.clone()),
                    epsilon,
                    adds: true,
                };
                let output = preparation.finish(state, output);
                (output, Self::from_inner(mean), Self::from_inner(variance))
            }
            OpsKind::UnTracked(preparation) => {
                let (output, mean, variance) = B::fastburn_batch_norm_add(
                    input.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    residual.into_primitive(),
                    epsilon,
                );
                let output = preparation.finish(output);
                (output, Self::from_inner(mean), Self::from_inner(variance))
            }
        }
    }
}

/// Returns whether the kernels can compute a batch norm of values of this shape, which are theirs.
pub(crate) fn can_normalize<const D: usize>(
    shape: [usize; D],
    parameters: &[&Tensor<1>],
    epilogue: &Epilogue<D>,
) -> bool {
    let residual_fits = match epilogue {
        Epilogue::None | Epilogue::Relu => true,
        Epilogue::AddRelu(residual) => residual.dims() == shape && is_ours(residual),
    };
    D >= 2
        && product(&shape).is_some_and(|len| len > 0)
        && parameters.iter().all(|tensor| tensor.dims() == [shape[1]] && is_ours(tensor))
        && residual_fits
}

/// Returns whether any of the tensors is on a device with autodiff.
pub(crate) fn has_autodiff<const D: usize>(
    input: &Tensor<D>,
    parameters: &[&Tensor<1>],
    epilogue: &Epilogue<D>,
) -> bool {
    let of_residual = match epilogue {
        Epilogue::None | Epilogue::Relu => false,
        Epilogue::AddRelu(residual) => residual.device().is_autodiff(),
    };
    of_residual
        || input.device().is_autodiff()
        || parameters.iter().any(|tensor| tensor.device().is_autodiff())
}

/// Normalises a tensor of the kernels in training, where [`can_normalize`] says so.
pub(crate) fn normalize_in_training<const D: usize>(
    input: Tensor<D>,
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> BatchNormTrainOutput<D> {
    let (input, weight, bias) =
        (input.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    let (output, mean, variance) = match epilogue {
        Epilogue::None => Dispatch::fastburn_batch_norm(input, weight, bias, epsilon, false),
        Epilogue::Relu => Dispatch::fastburn_batch_norm(input, weight, bias, epsilon, true),
        Epilogue::AddRelu(residual) => {
            let residual = residual.into_dispatch();
            Dispatch::fastburn_batch_norm_add(input, weight, bias, residual, epsilon)
        }
    };
    BatchNormTrainOutput {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}
