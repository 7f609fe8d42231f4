//! A model's weights with PyTorch's names and layout.
//!
//! This module reads safetensors files and `torch.save` files, and writes safetensors files.

mod module;
mod state_dict;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use burn::tensor::{bf16, f16};
#[cfg(feature = "pytorch")]
use pytorch_reader::{DType, PytorchReader};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

pub use self::module::TorchNames;
pub use self::state_dict::StateDict;
use self::state_dict::Weights;
#[cfg(not(feature = "pytorch"))]
use crate::error::Remedy;
use crate::error::{Error, Result};
use crate::files::{atomic, regular};

/// How many bytes at the start of a file identify its format.
const SNIFF_LENGTH: u64 = 9;
/// The largest total size of a file's tensors, as a multiple of the file's size.
#[cfg(feature = "pytorch")]
const MOST_EXPANSION: u64 = 4;

impl StateDict {
    /// Reads a `.safetensors` file or, with the feature `pytorch`, a `torch.save` file.
    ///
    /// Floats of other widths are converted to 32 bits.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file has another format, is damaged, or holds a tensor that is not of
    /// floats; [`Error::Read`] if it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let (mut file, length) = regular::open(path)?;
        let mut bytes = Vec::new();
        file.by_ref().take(SNIFF_LENGTH).read_to_end(&mut bytes).map_err(Error::read(path))?;
        // A safetensors file begins with the length of its JSON header: 8 bytes of any value.
        if bytes.get(8) != Some(&b'{') && is_torch_save(&bytes) {
            return read_torch_save(path, place, length);
        }
        file.read_to_end(&mut bytes).map_err(Error::read(path))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| {
            let problem = format!("neither a safetensors file nor a torch.save file ({error})");
            Error::file(&place, problem)
        })?;
        Self::from_tensors(&place, &tensors)
    }

    /// Reads the weights from an open safetensors file.
    pub(crate) fn from_tensors(place: &str, tensors: &SafeTensors<'_>) -> Result<Self> {
        let mut found = BTreeMap::new();
        for (name, view) in tensors.iter() {
            let values = match view.dtype() {
                Dtype::F32 => floats(view.data(), f32::from_le_bytes),
                Dtype::F64 => floats(view.data(), |bytes| f64::from_le_bytes(bytes) as f32),
                Dtype::F16 => floats(view.data(), |bytes| f16::from_le_bytes(bytes).to_f32()),
                Dtype::BF16 => floats(view.data(), |bytes| bf16::from_le_bytes(bytes).to_f32()),
                other => return Err(not_floats(place, name, &other)),
            };
            found.insert(name.to_owned(), Weights { shape: view.shape().to_vec(), values });
        }
        Ok(Self { place: place.to_owned(), tensors: found })
    }

    /// Writes a safetensors file, which `safetensors.torch.load_file` reads in Python.
    ///
    /// It holds only the weights. [`Learner::export`](crate::learner::Learner::export) writes a
    /// model file for prediction.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be written; an existing file is then unchanged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.little_endian();
        let mut views = BTreeMap::new();
        for (name, bytes) in &bytes {
            let shape = self.tensors[name.as_str()].shape.clone();
            let view = TensorView::new(Dtype::F32, shape, bytes);
            views.insert(name.as_str(), view.map_err(|error| unwritable(path, error))?);
        }
        let file = safetensors::serialize(views, None).map_err(|error| unwritable(path, error))?;
        atomic::write(path, &file)
    }
}

/// Returns whether a file begins like a `torch.save` file: a zip archive, or a pickle before
/// PyTorch 1.6.
fn is_torch_save(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.first() == Some(&0x80)
}

#[cfg(feature = "pytorch")]
fn read_torch_save(path: &Path, place: String, length: u64) -> Result<StateDict> {
    let damaged = |error: &dyn std::fmt::Display| {
        Error::file(&place, format!("not a state_dict saved by torch.save, or damaged ({error})"))
    };
    let reader = PytorchReader::new(path).map_err(|error| damaged(&error))?;
    // A small file can claim huge tensors, as views of one storage. A few views are legitimate.
    let claimed = reader.tensors().values().map(|tensor| tensor.byte_len() as u64);
    if claimed.fold(0, u64::saturating_add) > length.saturating_mul(MOST_EXPANSION) {
        return Err(damaged(&"its tensors claim several times the size of the file"));
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
fn read_torch_save(_: &Path, place: String, _: u64) -> Result<StateDict> {
    let problem = "a torch.save file, which this build cannot read";
    Err(Error::file(place, problem).with_remedy(Remedy::EnableFeature("pytorch")))
}

fn floats<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect()
}

fn not_floats(place: &str, name: &str, found: &dyn std::fmt::Debug) -> Error {
    let problem = format!("tensor {name} has type {found:?}, expected floats");
    Error::file(place, problem)
}

fn unwritable(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::write(path)(std::io::Error::other(error.to_string()))
}
