//! Normalisation layers that are computed in 32 bits whatever the rest of a model is computed in.

use std::ops::{Deref, DerefMut};

use burn::module::Module;
use burn::nn::{BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RmsNorm};
use burn::tensor::{DType, FloatDType, Tensor};

/// One of Burn's normalisation layers, computed in 32 bits also while the rest of the model is
/// trained in 16 by [`MixedPrecision`](crate::callbacks::MixedPrecision), with its parameters and
/// running statistics in 32. Its outputs have the type of its inputs.
///
/// A batch norm has to be in one to be trained in mixed precision. Elsewhere it makes no
/// difference: the layer's fields are those of the layer itself, and so are the paths and names of
/// its tensors.
///
/// ```
/// use burn::nn::conv::{Conv2d, Conv2dConfig};
/// use burn::nn::{BatchNorm, BatchNormConfig};
/// use burn::tensor::{Device, Tensor, activation::relu};
/// use fastburn::models::{FullPrecision, StateDict, TorchNames};
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
///         relu(self.norm.forward(self.conv.forward(images)))
///     }
/// }
///
/// let block = Seed::new(42).module(&device::cpu()?, Block::new);
/// assert_eq!(block.norm.gamma.dims(), [8]);
/// assert!(StateDict::of(&block)?.names().any(|name| name == "norm.running_mean"));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct FullPrecision<N: Module> {
    norm: N,
}

/// The type of this layer, as visitors of a module are told.
pub(super) const FULL_PRECISION: &str = "Struct:FullPrecision";

impl<N: Module> From<N> for FullPrecision<N> {
    fn from(norm: N) -> Self {
        Self { norm }
    }
}

impl<N: Module> Deref for FullPrecision<N> {
    type Target = N;

    fn deref(&self) -> &N {
        &self.norm
    }
}

impl<N: Module> DerefMut for FullPrecision<N> {
    fn deref_mut(&mut self) -> &mut N {
        &mut self.norm
    }
}

macro_rules! forward_of {
    ($($norm:ty),+) => {
        $(impl FullPrecision<$norm> {
            /// Applies the layer: see its own `forward`.
            ///
            /// # Panics
            ///
            /// See the layer's own `forward`.
            pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
                match input.dtype() {
                    half @ (DType::F16 | DType::BF16) => {
                        let input = input.cast(FloatDType::F32);
                        self.norm.forward(input).cast(FloatDType::from(half))
                    }
                    _ => self.norm.forward(input),
                }
            }
        })+
    };
}

forward_of!(BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RmsNorm);
