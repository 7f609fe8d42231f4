//! Cross-entropy of tensors.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, DType, Dispatch, Flex, backend_extension};
use burn::tensor::{Int, Tensor};
use burn_flex::FlexTensor;

use super::flex::{dims, of_row_major, row_major};
use crate::kernels::cross_entropy::{Targets, cross_entropy, gradient};
use crate::kernels::instructions::Instructions;

#[backend_extension(Flex, Autodiff)]
trait CrossEntropy: Backend {
    fn fastburn_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> FloatTensor<Self>;

    fn fastburn_soft_cross_entropy(
        logits: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Both passes, outside of autodiff. Softmax is computed once, and kept between them.
trait CrossEntropyPasses: Backend {
    /// Returns the loss, and the softmax of each row.
    fn cross_entropy(logits: FloatTensor<Self>, targets: Kind<Self>) -> [FloatTensor<Self>; 2];

    fn cross_entropy_gradient(
        probabilities: FloatTensor<Self>,
        targets: Kind<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Targets of a backend.
#[derive(Debug, Clone)]
enum Kind<B: Backend> {
    Classes(IntTensor<B>),
    Shares(FloatTensor<B>),
}

/// Calls a function with the values of targets.
fn with_targets<R>(targets: Kind<Flex>, function: impl FnOnce(Targets<'_>) -> R) -> R {
    match targets {
        Kind::Classes(classes) => {
            let classes = row_major(classes);
            // A class that is no index is none of the classes either.
            let classes: Vec<usize> = match classes.dtype() {
                DType::I32 => indices(classes.storage::<i32>()),
                _ => indices(classes.storage::<i64>()),
            };
            function(Targets::Classes(&classes))
        }
        Kind::Shares(shares) => function(Targets::Shares(row_major(shares).storage())),
    }
}

fn indices<I: Copy + TryInto<usize>>(values: &[I]) -> Vec<usize> {
    values.iter().map(|&value| value.try_into().unwrap_or(usize::MAX)).collect()
}

impl CrossEntropyPasses for Flex {
    fn cross_entropy(logits: FlexTensor, targets: Kind<Self>) -> [FlexTensor; 2] {
        let [rows, classes] = dims(&logits);
        let logits = row_major(logits);
        let (loss, probabilities) = with_targets(targets, |targets| {
            cross_entropy(Instructions::chosen(), logits.storage(), classes, targets)
        });
        [of_row_major(vec![loss], &[1]), of_row_major(probabilities, &[rows, classes])]
    }

    fn cross_entropy_gradient(
        probabilities: FlexTensor,
        targets: Kind<Self>,
        of_mean: FlexTensor,
    ) -> FlexTensor {
        let [rows, classes] = dims(&probabilities);
        let (probabilities, of_mean) = (row_major(probabilities), row_major(of_mean));
        let of_mean = of_mean.storage::<f32>()[0];
        let values = with_targets(targets, |targets| {
            gradient(Instructions::chosen(), probabilities.storage(), classes, targets, of_mean)
        });
        of_row_major(values, &[rows, classes])
    }
}

impl CrossEntropy for Flex {
    fn fastburn_cross_entropy(logits: FlexTensor, targets: FlexTensor) -> FlexTensor {
        let [loss, _] = Self::cross_entropy(logits, Kind::Classes(targets));
        loss
    }

    fn fastburn_soft_cross_entropy(logits: FlexTensor, targets: FlexTensor) -> FlexTensor {
        let [loss, _] = Self::cross_entropy(logits, Kind::Shares(targets));
        loss
    }
}

/// Computes the loss with autodiff.
fn tracked<B: CrossEntropyPasses, C: CheckpointStrategy>(
    logits: FloatTensor<Autodiff<B, C>>,
    targets: Kind<B>,
) -> FloatTensor<Autodiff<B, C>> {
    #[derive(Debug)]
    struct Loss;
    impl<B: CrossEntropyPasses> Backward<B, 1> for Loss {
        type State = (FloatTensor<B>, Kind<B>);

        fn backward(
            self,
            ops: Ops<Self::State, 1>,
            gradients: &mut Gradients,
            _: &mut Checkpointer,
        ) {
            let of_loss = gradients.consume::<B>(&ops.node);
            let (probabilities, targets) = ops.state;
            if let [Some(node)] = ops.parents {
                let of_logits = B::cross_entropy_gradient(probabilities, targets, of_loss);
                gradients.register::<B>(node.id, of_logits);
            }
        }
    }
    let preparation = Loss.prepare::<C>([logits.node()]).compute_bound().stateful();
    let [loss, probabilities] = B::cross_entropy(logits.into_primitive(), targets.clone());
    match preparation {
        OpsKind::Tracked(preparation) => preparation.finish((probabilities, targets), loss),
        OpsKind::UnTracked(preparation) => preparation.finish(loss),
    }
}

impl<B: CrossEntropy + CrossEntropyPasses, C: CheckpointStrategy> CrossEntropy for Autodiff<B, C> {
    fn fastburn_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        tracked::<B, C>(logits, Kind::Classes(targets))
    }

    fn fastburn_soft_cross_entropy(
        logits: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        tracked::<B, C>(logits, Kind::Shares(targets.into_primitive()))
    }
}

/// Returns whether the kernels can compute the loss of logits `[rows, classes]` with classes.
pub(crate) fn are_classes(targets: &Tensor<1, Int>) -> bool {
    matches!(targets.dtype(), DType::I32 | DType::I64)
}

/// Returns the loss of logits that the kernels can compute with, and of [classes](are_classes).
pub(crate) fn loss_of_classes(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(Dispatch::fastburn_cross_entropy(logits, targets))
}

/// Returns the loss of logits and shares that the kernels can compute with. Shares get no gradient.
pub(crate) fn loss_of_shares(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(Dispatch::fastburn_soft_cross_entropy(logits, targets))
}
