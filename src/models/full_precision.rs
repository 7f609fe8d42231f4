//! Parts of a model that are computed in 32 bits whatever the rest is computed in.

use burn::tensor::{DType, FloatDType, Tensor};

/// Burn's normalisation layers.
const NORMS: [&str; 5] = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RmsNorm"];

/// Computes a part of a model in 32 bits, also while the model is trained in 16 by
/// [`MixedPrecision`](crate::callbacks::MixedPrecision). Its outputs have the type of its inputs.
///
/// Batch norm and other norms need it, whose parameters and statistics `MixedPrecision` keeps in 32
/// bits; softmax and exponentials of large numbers gain by it. An input of 32 bits is passed on as it
/// is, at no cost.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::conv::Conv2d;
/// use burn::nn::BatchNorm;
/// use burn::tensor::{Tensor, activation::relu};
/// use fastburn::models::full_precision;
///
/// #[derive(Module, Debug)]
/// struct Block {
///     conv: Conv2d,
///     norm: BatchNorm,
/// }
///
/// impl Block {
///     fn forward(&self, images: Tensor<4>) -> Tensor<4> {
///         relu(full_precision(self.conv.forward(images), |x| self.norm.forward(x)))
///     }
/// }
/// ```
pub fn full_precision<const D: usize, const E: usize>(
    input: Tensor<D>,
    compute: impl FnOnce(Tensor<D>) -> Tensor<E>,
) -> Tensor<E> {
    match input.dtype() {
        half @ (DType::F16 | DType::BF16) => {
            compute(input.cast(FloatDType::F32)).cast(FloatDType::from(half))
        }
        _ => compute(input),
    }
}

/// Returns whether a container, as a [`ModuleVisitor`](burn::module::ModuleVisitor) is told of it, is
/// one of Burn's normalisation layers.
///
/// ```
/// assert!(fastburn::models::is_norm("Struct:BatchNorm"));
/// assert!(!fastburn::models::is_norm("Struct:Linear"));
/// ```
pub fn is_norm(container: &str) -> bool {
    container.strip_prefix("Struct:").is_some_and(|kind| NORMS.contains(&kind))
}
