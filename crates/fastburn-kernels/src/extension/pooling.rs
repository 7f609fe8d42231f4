//! Pooling of tensors.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::flex::{channels_last, dims, height_and_width, is_ours, of_channels_last};
use crate::kernels::instructions::Instructions;
use crate::kernels::pooling::{Maxima, Window, maxima, maxima_gradient, means, means_gradient};

/// The kernel, the stride and the padding of a pooling, `[height, width]`.
pub(crate) type PoolShape = [[usize; 2]; 3];

#[backend_extension(Flex, Autodiff)]
trait Pooling: Backend {
    /// Returns the maxima, and which pixel of each window has them.
    fn fastburn_max_pool(
        images: FloatTensor<Self>,
        shape: PoolShape,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    fn fastburn_avg_pool(images: FloatTensor<Self>, shape: PoolShape) -> FloatTensor<Self>;
}

/// The backward pass, outside of autodiff.
trait PoolingGradients: Backend {
    fn max_pool_gradient(
        taps: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: [usize; 2],
        shape: PoolShape,
    ) -> FloatTensor<Self>;

    fn avg_pool_gradient(
        gradient: FloatTensor<Self>,
        size: [usize; 2],
        shape: PoolShape,
    ) -> FloatTensor<Self>;
}

fn window_of(
    [batch, channels]: [usize; 2],
    size: [usize; 2],
    [kernel, stride, padding]: PoolShape,
) -> Window {
    Window { batch, channels, size, kernel, stride, padding }
}

/// Returns the window of images, and the shape of what it gives.
fn window_over(images: &FlexTensor, shape: PoolShape) -> (Window, [usize; 4]) {
    let [batch, channels, height, width] = dims(images);
    let window = window_of([batch, channels], [height, width], shape);
    let [height, width] = window.output();
    (window, [batch, channels, height, width])
}

impl Pooling for Flex {
    fn fastburn_max_pool(images: FlexTensor, shape: PoolShape) -> (FlexTensor, FlexTensor) {
        let (window, shape) = window_over(&images, shape);
        let images = channels_last(images);
        let Maxima { output, taps } = maxima(Instructions::chosen(), &window, images.storage());
        (of_channels_last(output, &shape), of_channels_last(taps, &shape))
    }

    fn fastburn_avg_pool(images: FlexTensor, shape: PoolShape) -> FlexTensor {
        let (window, shape) = window_over(&images, shape);
        let images = channels_last(images);
        of_channels_last(means(Instructions::chosen(), &window, images.storage()), &shape)
    }
}

impl PoolingGradients for Flex {
    fn max_pool_gradient(
        taps: FlexTensor,
        gradient: FlexTensor,
        size: [usize; 2],
        shape: PoolShape,
    ) -> FlexTensor {
        let [batch, channels, ..]: [usize; 4] = dims(&gradient);
        let window = window_of([batch, channels], size, shape);
        let (taps, gradient) = (channels_last(taps), channels_last(gradient));
        let values =
            maxima_gradient(Instructions::chosen(), &window, taps.storage(), gradient.storage());
        of_channels_last(values, &[batch, channels, size[0], size[1]])
    }

    fn avg_pool_gradient(gradient: FlexTensor, size: [usize; 2], shape: PoolShape) -> FlexTensor {
        let [batch, channels, ..]: [usize; 4] = dims(&gradient);
        let window = window_of([batch, channels], size, shape);
        let gradient = channels_last(gradient);
        let values = means_gradient(Instructions::chosen(), &window, gradient.storage());
        of_channels_last(values, &[batch, channels, size[0], size[1]])
    }
}

impl<B: Pooling + PoolingGradients, C: CheckpointStrategy> Pooling for Autodiff<B, C> {
    fn fastburn_max_pool(
        images: FloatTensor<Self>,
        shape: PoolShape,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Max;
        impl<B: PoolingGradients> Backward<B, 1> for Max {
            type State = (FloatTensor<B>, [usize; 2], PoolShape);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let (taps, size, shape) = ops.state;
                if let [Some(node)] = ops.parents {
                    let of_images = B::max_pool_gradient(taps, gradient, size, shape);
                    gradients.register::<B>(node.id, of_images);
                }
            }
        }
        let size = height_and_width::<Self>(&images);
        match Max.prepare::<C>([images.node()]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let (output, taps) = B::fastburn_max_pool(images.into_primitive(), shape);
                let output = preparation.finish((taps.clone(), size, shape), output);
                (output, Self::from_inner(taps))
            }
            OpsKind::UnTracked(preparation) => {
                let (output, taps) = B::fastburn_max_pool(images.into_primitive(), shape);
                (preparation.finish(output), Self::from_inner(taps))
            }
        }
    }

    fn fastburn_avg_pool(images: FloatTensor<Self>, shape: PoolShape) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Average;
        impl<B: PoolingGradients> Backward<B, 1> for Average {
            type State = ([usize; 2], PoolShape);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let (size, shape) = ops.state;
                if let [Some(node)] = ops.parents {
                    let of_images = B::avg_pool_gradient(gradient, size, shape);
                    gradients.register::<B>(node.id, of_images);
                }
            }
        }
        let size = height_and_width::<Self>(&images);
        match Average.prepare::<C>([images.node()]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let output = B::fastburn_avg_pool(images.into_primitive(), shape);
                preparation.finish((size, shape), output)
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(B::fastburn_avg_pool(images.into_primitive(), shape))
            }
        }
    }
}

/// Returns the shape of a pooling with this padding, if the kernels can compute it.
pub(crate) fn pool_shape(
    images: &Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [(usize, usize); 2],
) -> Option<PoolShape> {
    let [batch, channels, height, width] = images.dims();
    let shape = [kernel, stride, padding.map(|(begin, _)| begin)];
    let is_even = padding.iter().all(|(begin, end)| begin == end);
    let window = window_of([batch, channels], [height, width], shape);
    (is_even && window.is_valid() && is_ours(images)).then_some(shape)
}

/// Returns the maxima of a pooling whose shape is of [`pool_shape`].
pub(crate) fn max_pool(images: Tensor<4>, shape: PoolShape) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fastburn_max_pool(images.into_dispatch(), shape).0)
}

/// Returns the means of a pooling without padding whose shape is of [`pool_shape`].
pub(crate) fn avg_pool(images: Tensor<4>, shape: PoolShape) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fastburn_avg_pool(images.into_dispatch(), shape))
}
