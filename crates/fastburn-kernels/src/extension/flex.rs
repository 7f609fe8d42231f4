//! Tensors of the flex backend as slices, and slices as tensors.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, DType, DispatchTensorKind, Flex, TensorMetadata};
use burn::tensor::{Shape, Tensor};
use burn_flex::{FlexTensor, Layout};

use crate::kernels::channels_last::to_channels_last;
use crate::kernels::memory::Buffer;

/// Returns whether the kernels can compute with a tensor: values of 32 bits on flex.
pub(crate) fn is_ours<const D: usize>(tensor: &Tensor<D>) -> bool {
    // A tensor clones as a reference to its values.
    let tensor = tensor.clone().into_dispatch();
    tensor.dtype() == DType::F32
        && match &tensor.kind {
            DispatchTensorKind::Flex(_) => true,
            DispatchTensorKind::Autodiff(inner) => matches!(**inner, DispatchTensorKind::Flex(_)),
            // Of a build without other backends.
            #[allow(unreachable_patterns)]
            _ => false,
        }
}

/// Returns the values of a tensor for which [`is_ours`] is true, and which is outside of autodiff.
///
/// # Panics
///
/// If it is another one.
pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("the caller asked before")
}

/// Makes a tensor outside of autodiff.
pub(super) fn tensor<const D: usize>(values: FlexTensor) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(values)
}

/// Returns the sizes of a tensor.
///
/// # Panics
///
/// If it has another rank.
pub(super) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().to_vec().try_into().expect("the extension is called with this rank")
}

/// Returns the height and width of images `[batch, channels, height, width]`.
pub(super) fn height_and_width<B: Backend>(images: &FloatTensor<B>) -> [usize; 2] {
    let shape = images.shape();
    [shape[2], shape[3]]
}

/// Returns the tensor with its values in row-major order, alone in their buffer.
pub(super) fn row_major(tensor: FlexTensor) -> FlexTensor {
    // Of a tensor that is row-major already, it is another reference.
    tensor.to_contiguous()
}

/// Returns the tensor `[batch, channels, …]` with its values in the order `[batch, …, channels]`,
/// alone in their buffer, and of an unchanged shape.
pub(super) fn channels_last(tensor: FlexTensor) -> FlexTensor {
    if is_channels_last(&tensor) {
        return tensor;
    }
    let shape = tensor.layout().shape().to_vec();
    let (channels, pixels) = (shape[1], shape[2..].iter().product::<usize>());
    let tensor = row_major(tensor);
    let values = to_channels_last(tensor.storage(), channels, pixels);
    of_channels_last(values, &shape)
}

fn is_channels_last(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    let shape = layout.shape().to_vec();
    let strides = layout.strides().iter().zip(channels_last_strides(&shape));
    // The stride of an axis of one value means nothing.
    shape.iter().zip(strides).all(|(&size, (stride, wanted))| size == 1 || *stride == wanted)
        && layout.start_offset() == 0
        && tensor.storage::<f32>().len() == shape.iter().product::<usize>()
}

/// Returns tensors of one shape with their values in one order, which is the first one's where it
/// can be, and a function that makes a tensor of values in that order.
pub(super) fn alike<const N: usize>(
    tensors: [FlexTensor; N],
) -> ([FlexTensor; N], impl Fn(Buffer) -> FlexTensor) {
    let shape = tensors[0].layout().shape().to_vec();
    let is_last = shape.len() > 2 && is_channels_last(&tensors[0]);
    let tensors = tensors.map(if is_last { channels_last } else { row_major });
    let make = if is_last { of_channels_last::<Buffer> } else { of_row_major };
    (tensors, move |values| make(values, &shape))
}

fn channels_last_strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    strides[1] = 1;
    let mut stride = shape[1] as isize;
    for axis in (2..shape.len()).rev() {
        strides[axis] = stride;
        stride *= shape[axis] as isize;
    }
    strides[0] = stride;
    strides
}

/// Makes a tensor of a shape `[batch, channels, …]` of values in the order `[batch, …, channels]`.
pub(super) fn of_channels_last<V: Into<Buffer>>(values: V, shape: &[usize]) -> FlexTensor {
    let layout = Layout::new(Shape::from(shape.to_vec()), channels_last_strides(shape), 0);
    FlexTensor::new(values.into().into(), layout, DType::F32)
}

/// Makes a tensor of values in row-major order.
pub(super) fn of_row_major<V: Into<Buffer>>(values: V, shape: &[usize]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(shape.to_vec()));
    FlexTensor::new(values.into().into(), layout, DType::F32)
}
