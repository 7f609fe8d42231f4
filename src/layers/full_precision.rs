//! Normalisation layers that are computed in 32 bits whatever the rest of a model is computed in.

use std::ops::{Deref, DerefMut};

use burn::module::Module;
use burn::nn::norm::Normalization;
use burn::nn::{BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RmsNorm};
use burn::tensor::{DType, FloatDType, Tensor};
use fastburn_kernels::Epilogue;

use super::norm::batch_norm;

/// A normalisation layer that computes in 32 bits. With
/// [`MixedPrecision`](crate::callbacks::MixedPrecision), the rest of the model trains in 16. Its
/// outputs have the type of its inputs.
///
/// A batch norm has to be in one to be trained in mixed precision, and then its running variance is
/// updated as in PyTorch, with the unbiased variance of a batch. Model files, layer groups and
/// PyTorch's names are those of the layer itself. Burn's own paths have one more part: those of
/// `ParamGroup`, of the files of [`Learner::save`](crate::learner::Learner::save) and of
/// checkpoints.
///
/// ```
/// use burn::nn::conv::{Conv2d, Conv2dConfig};
/// use burn::nn::{BatchNorm, BatchNormConfig};
/// use burn::tensor::{Device, Tensor};
/// use fastburn::layers::{Epilogue, FullPrecision, conv2d_norm};
/// use fastburn::models::{StateDict, TorchNames};
/// use fastburn::prelude::*;
///
/// #[derive(Module, Debug)]
/// struct Block {
///     conv: Conv2d,
///     norm: FullPrecision<BatchNorm>,
/// }
///
/// impl TorchNames for Block {}
///
/// impl Block {
///     fn new(device: &Device) -> Self {
///         Self {
///             conv: Conv2dConfig::new([1, 8], [3, 3]).init(device),
///             norm: BatchNormConfig::new(8).init(device).into(),
///         }
///     }
///
///     fn forward(&self, images: Tensor<4>) -> Tensor<4> {
///         conv2d_norm(&self.conv, &self.norm, images, Epilogue::Relu)
///     }
/// }
///
/// let block = Seed::new(42).module(&device::cpu()?, Block::new);
/// assert_eq!(block.norm.gamma.dims(), [8]);
/// assert!(StateDict::of(&block)?.names().any(|name| name == "norm.running_mean"));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct FullPrecision<N: Norm> {
    /// Named as no other field is, so that the layer is recognised in a visitor's path.
    full_precision_norm: N,
}

/// A layer that a [`FullPrecision`] can hold: one of Burn's norms, or your own.
pub trait Norm: Module {
    /// Applies the layer. The outputs have the shape of the inputs.
    ///
    /// # Panics
    ///
    /// If the layer takes inputs of another shape.
    fn normalize<const D: usize>(&self, input: Tensor<D>) -> Tensor<D>;
}

/// Returns whether a part of a module, as a visitor is told of it, is within a [`FullPrecision`].
pub(crate) fn is_full_precision(name: &str, container: &str) -> bool {
    name == "full_precision_norm" && container == "Struct:FullPrecision"
}

impl<N: Norm> FullPrecision<N> {
    /// Applies the layer: see its own `forward`.
    ///
    /// # Panics
    ///
    /// If the layer takes inputs of another shape.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        match input.dtype() {
            half @ (DType::F16 | DType::BF16) => {
                let input = input.cast(FloatDType::F32);
                self.full_precision_norm.normalize(input).cast(FloatDType::from(half))
            }
            _ => self.full_precision_norm.normalize(input),
        }
    }
}

impl FullPrecision<BatchNorm> {
    /// Applies the batch norm and what follows it, on the CPU in one pass over memory. The outputs
    /// are those of [`forward`](Self::forward) and the epilogue, one after the other.
    ///
    /// # Panics
    ///
    /// If the number of channels is another one, or a residual does not fit the input.
    pub fn forward_with<const D: usize>(
        &self,
        input: Tensor<D>,
        epilogue: Epilogue<D>,
    ) -> Tensor<D> {
        match input.dtype() {
            DType::F16 | DType::BF16 => epilogue.apply(self.forward(input)),
            _ => batch_norm(self, input, epilogue),
        }
    }
}

impl<N: Norm> From<N> for FullPrecision<N> {
    fn from(full_precision_norm: N) -> Self {
        Self { full_precision_norm }
    }
}

impl<N: Norm> Deref for FullPrecision<N> {
    type Target = N;

    fn deref(&self) -> &N {
        &self.full_precision_norm
    }
}

impl<N: Norm> DerefMut for FullPrecision<N> {
    fn deref_mut(&mut self) -> &mut N {
        &mut self.full_precision_norm
    }
}

/// Burn's layer, with PyTorch's running variance: the unbiased one.
impl Norm for BatchNorm {
    fn normalize<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        batch_norm(self, input, Epilogue::None)
    }
}

macro_rules! norms {
    ($($norm:ty),+) => {
        $(impl Norm for $norm {
            fn normalize<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
                self.forward(input)
            }
        })+
    };
}

norms!(GroupNorm, InstanceNorm, LayerNorm, Normalization, RmsNorm);
