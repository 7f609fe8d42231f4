//! What follows a batch norm.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// What follows a batch norm in the same pass over memory.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "passed once a layer, and never stored")]
pub enum Epilogue<const D: usize> {
    /// Nothing.
    None,
    /// ReLU.
    Relu,
    /// The addition of a residual of the same shape, and then ReLU.
    AddRelu(Tensor<D>),
}

impl<const D: usize> Epilogue<D> {
    /// Applies it with Burn's own operations.
    pub fn apply(self, output: Tensor<D>) -> Tensor<D> {
        match self {
            Self::None => output,
            Self::Relu => relu(output),
            Self::AddRelu(residual) => relu(output + residual),
        }
    }
}
