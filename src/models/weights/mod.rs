//! A model's weights with PyTorch's names and layout.
//!
//! This module reads safetensors files and `torch.save` files, and writes safetensors files.

mod module;
mod names;
mod state_dict;
mod values;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

#[cfg(feature = "pytorch")]
use pytorch_reader::{DType, PytorchReader};
use safetensors::SafeTensors;
#[cfg(feature = "pytorch")]
use safetensors::tensor::Dtype;
use safetensors::tensor::TensorView;

pub use self::names::TorchNames;
pub(super) use self::names::torch_names;
pub use self::state_dict::StateDict;
use self::values::Weights;
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
    /// Floats of other widths are converted to 32 bits, integers to 64 bits.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file has another format, is damaged, or holds a tensor of another
    /// type, such as complex, quantized or unsigned 64-bit numbers; [`Error::Read`] if it cannot be
    /// read.
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
            let weights = Weights::read(view.dtype(), view.shape(), view.data());
            let weights = weights.ok_or_else(|| unknown(place, name, &view.dtype()))?;
            found.insert(name.to_owned(), weights);
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
        let stored = self.stored();
        let mut views = BTreeMap::new();
        for (name, (dtype, shape, bytes)) in &stored {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
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
        let weights = Weights::read(stored(tensor.dtype()), tensor.shape(), &bytes);
        let weights = weights.ok_or_else(|| unknown(&place, name, &tensor.dtype()))?;
        tensors.insert(name.clone(), weights);
    }
    Ok(StateDict { place, tensors })
}

/// Returns the type of a safetensors file for one of a `torch.save` file.
#[cfg(feature = "pytorch")]
fn stored(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}

#[cfg(not(feature = "pytorch"))]
fn read_torch_save(_: &Path, place: String, _: u64) -> Result<StateDict> {
    let problem = "a torch.save file, which this build cannot read";
    Err(Error::file(place, problem).with_remedy(Remedy::EnableFeature("pytorch")))
}

fn unknown(place: &str, name: &str, found: &dyn std::fmt::Debug) -> Error {
    let problem =
        format!("tensor {name} has type {found:?}, expected floats, integers or booleans");
    Error::file(place, problem)
}

fn unwritable(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::write(path)(std::io::Error::other(error.to_string()))
}
