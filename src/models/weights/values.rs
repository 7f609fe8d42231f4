//! The values of one tensor of a state dict, and their bytes in a safetensors file.

use burn::tensor::{bf16, f16};
use safetensors::tensor::Dtype;

/// One tensor, in PyTorch's layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub shape: Vec<usize>,
    pub values: Values,
}

/// The values of a tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// Floats of any width, as 32 bits.
    Floats(Vec<f32>),
    /// Integers of any width, such as PyTorch's `num_batches_tracked`.
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
}

impl Weights {
    /// Reads a tensor from its little-endian bytes; `None` if its values are of another kind.
    pub fn read(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Option<Self> {
        let values = match dtype {
            Dtype::F32 => Values::Floats(numbers(bytes, f32::from_le_bytes)),
            Dtype::F64 => Values::Floats(numbers(bytes, |bytes| f64::from_le_bytes(bytes) as f32)),
            Dtype::F16 => {
                Values::Floats(numbers(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()))
            }
            Dtype::BF16 => {
                Values::Floats(numbers(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()))
            }
            Dtype::I64 => Values::Integers(numbers(bytes, i64::from_le_bytes)),
            Dtype::I32 => {
                Values::Integers(numbers(bytes, |bytes| i32::from_le_bytes(bytes).into()))
            }
            Dtype::I16 => {
                Values::Integers(numbers(bytes, |bytes| i16::from_le_bytes(bytes).into()))
            }
            Dtype::I8 => Values::Integers(numbers(bytes, |bytes| i8::from_le_bytes(bytes).into())),
            Dtype::U32 => {
                Values::Integers(numbers(bytes, |bytes| u32::from_le_bytes(bytes).into()))
            }
            Dtype::U16 => {
                Values::Integers(numbers(bytes, |bytes| u16::from_le_bytes(bytes).into()))
            }
            Dtype::U8 => Values::Integers(numbers(bytes, |bytes| u8::from_le_bytes(bytes).into())),
            Dtype::BOOL => Values::Booleans(bytes.iter().map(|byte| *byte != 0).collect()),
            _ => return None,
        };
        Some(Self { shape: shape.to_vec(), values })
    }

    /// Returns the type and the little-endian bytes in a safetensors file.
    pub fn stored(&self) -> (Dtype, Vec<u8>) {
        match &self.values {
            Values::Floats(values) => {
                (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            Values::Integers(values) => {
                (Dtype::I64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            Values::Booleans(values) => {
                (Dtype::BOOL, values.iter().map(|&value| value.into()).collect())
            }
        }
    }
}

impl Values {
    pub fn floats(&self) -> Option<&[f32]> {
        match self {
            Self::Floats(values) => Some(values),
            _ => None,
        }
    }

    /// Returns what the values are, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Floats(_) => "floats",
            Self::Integers(_) => "integers",
            Self::Booleans(_) => "booleans",
        }
    }
}

/// Decodes numbers of `N` little-endian bytes each.
fn numbers<const N: usize, R>(bytes: &[u8], decode: impl Fn([u8; N]) -> R) -> Vec<R> {
    bytes.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect()
}
