//! Weights that `torch.save` wrote.

use std::path::Path;

use super::state_dict::StateDict;
use crate::error::{Error, Result};

#[cfg(feature = "pytorch")]
use {
    super::state_dict::{Weights, floats, not_floats},
    burn::tensor::{bf16, f16},
    pytorch_reader::{DType, PytorchReader},
    std::collections::BTreeMap,
};

/// How much larger than the file its tensors may be together.
#[cfg(feature = "pytorch")]
const MOST_VIEWED: u64 = 4;

/// Whether a file's content is a zip archive, which it writes, or a pickle, which it wrote before
/// version 1.6.
pub(super) fn wrote(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.first() == Some(&0x80)
}

#[cfg(feature = "pytorch")]
pub(super) fn read(path: &Path, place: String, length: u64) -> Result<StateDict> {
    let damaged = |error: &dyn std::fmt::Display| Error::File {
        file: place.clone(),
        problem: format!("not a state_dict that torch.save wrote, or a damaged one ({error})"),
    };
    let reader = PytorchReader::new(path).map_err(|error| damaged(&error))?;
    // Many tensors may be views of one storage; a few honestly are.
    let claimed = reader.tensors().values().map(|tensor| tensor.byte_len() as u64);
    if claimed.fold(0, u64::saturating_add) > length.saturating_mul(MOST_VIEWED) {
        return Err(damaged(&"its tensors would be many times as large as the file"));
    }
    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.tensors() {
        let bytes = tensor.read().map_err(|error| damaged(&error))?;
        let values = match tensor.dtype() {
            DType::F32 => floats(&bytes, f32::from_le_bytes),
            DType::F64 => floats(&bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            DType::F16 => floats(&bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            DType::BF16 => floats(&bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            other => return Err(not_floats(&place, name, &other)),
        };
        tensors.insert(name.clone(), Weights { shape: tensor.shape().to_vec(), values });
    }
    Ok(StateDict { place, tensors })
}

#[cfg(not(feature = "pytorch"))]
pub(super) fn read(_: &Path, place: String, _: u64) -> Result<StateDict> {
    let problem = "a file of torch.save, which this build does not read; build with --features \
                   pytorch, or save it from Python with safetensors.torch.save_file";
    Err(Error::File { file: place, problem: problem.to_owned() })
}
