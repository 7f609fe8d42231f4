//! A model's weights under PyTorch's names and in PyTorch's layout.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn;
use burn::tensor::{Device, TensorData, bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::torch_save;
use super::weights_walk::{Check, Reader, Writer, transposed};
use crate::error::{Error, Result};
use crate::whole_file;

/// How much of a file tells what it is, in bytes.
const SNIFFED: u64 = 9;

/// A module whose parameters have names in PyTorch.
///
/// By default they are the paths of the parameters within the module: what a PyTorch module with
/// the same fields has, if its parts are linear layers. A module that has other parts, whose
/// parameters PyTorch calls otherwise, says how. Only parameters of floats count.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use fastburn::models::{StateDict, TorchNames};
///
/// #[derive(Module, Debug)]
/// struct Two {
///     hidden: Linear,
///     output: Linear,
/// }
///
/// impl TorchNames for Two {}
///
/// let device = fastburn::device::cpu()?;
/// let mut model = Two {
///     hidden: LinearConfig::new(3, 5).init(&device),
///     output: LinearConfig::new(5, 2).init(&device),
/// };
/// let weights = StateDict::of(&model)?;
/// assert_eq!(weights.shape("hidden.weight"), Some(&[5, 3][..])); // [outputs, inputs]
/// weights.load_into(&mut model)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait TorchNames: Module {
    /// PyTorch's name for the parameter at that path.
    fn torch_name(path: &str) -> String {
        path.to_owned()
    }
}

/// Named weights: what PyTorch calls a `state_dict`.
///
/// The weight of a linear layer is `[outputs, inputs]` here, as in PyTorch, and
/// `[inputs, outputs]` in Burn.
///
/// ```
/// use fastburn::models::{MlpConfig, StateDict};
///
/// let device = fastburn::device::cpu()?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let weights = StateDict::of(&model)?;
/// // As in `torch.nn.Sequential(Linear(784, 30), ReLU(), Linear(30, 10))`:
/// assert_eq!(
///     weights.names().collect::<Vec<_>>(),
///     ["0.bias", "0.weight", "2.bias", "2.weight"]
/// );
///
/// let mut other = MlpConfig::new([784, 30, 10]).init(&device, 0)?;
/// weights.load_into(&mut other)?;
/// let mut wider = MlpConfig::new([784, 50, 10]).init(&device, 0)?;
/// assert!(weights.load_into(&mut wider).is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StateDict {
    /// Where it is from, as messages name it.
    pub(super) place: String,
    pub(super) tensors: BTreeMap<String, Weights>,
}

/// One tensor, in PyTorch's layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl StateDict {
    /// The weights of a model; this waits for its device.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`] if the device fails.
    pub fn of<M: TorchNames>(model: &M) -> Result<Self> {
        let mut reader = Reader::new(M::torch_name);
        model.visit(&mut reader);
        Ok(Self { place: "the model".to_owned(), tensors: reader.found? })
    }

    /// Reads a `.safetensors` file, or, with feature `pytorch`, what `torch.save` wrote.
    ///
    /// Weights of other widths than 32 bits are converted.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file is neither or is damaged, or if a tensor in it is not of
    /// floats; [`Error::Read`] if it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let (mut file, length) = whole_file::open(path)?;
        let mut bytes = Vec::new();
        file.by_ref().take(SNIFFED).read_to_end(&mut bytes).map_err(Error::read(path))?;
        // A safetensors header is JSON behind its length, whose bytes may be any.
        if bytes.get(8) != Some(&b'{') && torch_save::wrote(&bytes) {
            return torch_save::read(path, place, length);
        }
        file.read_to_end(&mut bytes).map_err(Error::read(path))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| Error::File {
            file: place.clone(),
            problem: format!("neither a safetensors file nor one of torch.save ({error})"),
        })?;
        Self::from_tensors(&place, &tensors)
    }

    /// The weights in an open safetensors file.
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

    /// The tensors' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor, or `None` if there is none of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|weights| weights.shape.as_slice())
    }

    /// The values of a tensor in row-major order, or `None` if there is none of that name.
    pub fn values(&self, name: &str) -> Option<&[f32]> {
        self.tensors.get(name).map(|weights| weights.values.as_slice())
    }

    /// Writes a safetensors file, which `safetensors.torch.load_file` reads in Python.
    ///
    /// It has the weights alone; [`Learner::export`](crate::Learner::export) writes one that
    /// predicts.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be written; what was there before is still there.
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
        whole_file::write(path, &file)
    }

    /// These weights, but those of some names from others.
    pub(crate) fn with_others(&self, others: &Self, which: impl Fn(&str) -> bool) -> Self {
        let own = self.tensors.iter().filter(|(name, _)| !which(name));
        let others = others.tensors.iter().filter(|(name, _)| which(name));
        let tensors = own.chain(others).map(|(name, w)| (name.clone(), w.clone())).collect();
        Self { place: self.place.clone(), tensors }
    }

    /// An error about these weights.
    pub(super) fn error(&self, problem: String) -> Error {
        Error::File { file: self.place.clone(), problem }
    }

    /// Refuses weights that are not numbers any more.
    pub(crate) fn check_finite(&self) -> Result<()> {
        let broken = |(_, w): &(&String, &Weights)| !w.values.iter().all(|value| value.is_finite());
        match self.tensors.iter().find(broken) {
            Some((name, _)) => Err(self.error(format!("{name} is not all finite numbers"))),
            None => Ok(()),
        }
    }

    /// The linear layer whose weight and bias have that prefix.
    pub(super) fn layer(
        &self,
        prefix: &str,
        [inputs, outputs]: [usize; 2],
        device: &Device,
    ) -> Result<nn::Linear> {
        let values = |name: &str, expected: &[usize]| {
            let name = format!("{prefix}{name}");
            match self.tensors.get(&name) {
                Some(weights) if weights.shape == expected => Ok(&weights.values),
                Some(Weights { shape, .. }) => {
                    Err(self.error(format!("{name} is {shape:?}, expected {expected:?}")))
                }
                None => Err(self.error(format!("no tensor {name}"))),
            }
        };
        let weight = transposed(values("weight", &[outputs, inputs])?, [outputs, inputs]);
        let bias = values("bias", &[outputs])?.clone();
        Ok(nn::Linear {
            weight: Param::from_data(TensorData::new(weight, [inputs, outputs]), device),
            bias: Some(Param::from_data(TensorData::new(bias, [outputs]), device)),
        })
    }

    /// Each tensor's bytes.
    pub(crate) fn little_endian(&self) -> BTreeMap<String, Vec<u8>> {
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensors.iter().map(|(name, w)| (name.clone(), bytes(&w.values))).collect()
    }

    /// Sets a model's weights; on an error the model is as it was.
    ///
    /// # Errors
    ///
    /// [`Error::File`] that names the tensors that are missing, those that the model has no
    /// place for, and those of another shape.
    pub fn load_into<M: TorchNames>(&self, model: &mut M) -> Result<()> {
        let mut check = Check::new(M::torch_name, self);
        model.visit(&mut check);
        if let Some(problem) = check.problem() {
            return Err(self.error(format!("these weights do not fit the model; {problem}")));
        }
        *model = model.clone().map(&mut Writer::new(M::torch_name, self));
        Ok(())
    }
}

/// Equal weights, wherever they are from.
impl PartialEq for StateDict {
    fn eq(&self, other: &Self) -> bool {
        self.tensors == other.tensors
    }
}

pub(super) fn floats<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect()
}

pub(super) fn not_floats(place: &str, name: &str, found: &dyn std::fmt::Debug) -> Error {
    let problem = format!("tensor {name} is of {found:?}; weights must be floats");
    Error::File { file: place.to_owned(), problem }
}

fn unwritable(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::write(path)(std::io::Error::other(error.to_string()))
}
