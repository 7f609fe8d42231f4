//! A model's weights under PyTorch's names and in PyTorch's layout.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::weights_path::WeightsPath;
use crate::error::{Error, Result};
use crate::whole_file;

/// A module whose parameters have names in PyTorch.
///
/// By default they are the paths of the parameters within the module: what a PyTorch module with
/// the same fields has. For a module of your own nothing needs to be written:
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
    place: String,
    tensors: BTreeMap<String, Weights>,
}

#[derive(Debug, Clone, PartialEq)]
struct Weights {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl StateDict {
    /// The weights of a model; this waits for its device.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`] if the device fails.
    pub fn of<M: TorchNames>(model: &M) -> Result<Self> {
        let path = WeightsPath::new(M::torch_name);
        let mut reader = Reader { path, found: Ok(BTreeMap::new()) };
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
        let bytes = whole_file::read(path)?;
        let place = path.display().to_string();
        // `torch.save` writes a zip archive; before version 1.6 it wrote a pickle.
        if bytes.starts_with(b"PK\x03\x04") || bytes.first() == Some(&0x80) {
            return from_torch_save(path, place);
        }
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

    /// How many numbers all tensors have together.
    pub fn num_values(&self) -> usize {
        self.tensors.values().map(|weights| weights.values.len()).sum()
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

    /// An error about these weights.
    pub(super) fn error(&self, problem: String) -> Error {
        Error::File { file: self.place.clone(), problem }
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
        let mut check = Check {
            path: WeightsPath::new(M::torch_name),
            dict: self,
            known: BTreeSet::new(),
            missing: Vec::new(),
            misshapen: Vec::new(),
        };
        model.visit(&mut check);
        if let Some(problem) = check.problem() {
            return Err(self.error(format!("these weights do not fit the model; {problem}")));
        }
        let path = WeightsPath::new(M::torch_name);
        *model = model.clone().map(&mut Writer { path, dict: self });
        Ok(())
    }
}

/// Equal weights, wherever they are from.
impl PartialEq for StateDict {
    fn eq(&self, other: &Self) -> bool {
        self.tensors == other.tensors
    }
}

fn floats<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect()
}

fn not_floats(place: &str, name: &str, found: &dyn std::fmt::Debug) -> Error {
    let problem = format!("tensor {name} is of {found:?}; weights must be floats");
    Error::File { file: place.to_owned(), problem }
}

fn unwritable(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::write(path)(std::io::Error::other(error.to_string()))
}

#[cfg(feature = "pytorch")]
fn from_torch_save(path: &Path, place: String) -> Result<StateDict> {
    use pytorch_reader::{DType, PytorchReader};

    let damaged = |error: &dyn std::fmt::Display| Error::File {
        file: place.clone(),
        problem: format!("not a state_dict that torch.save wrote, or a damaged one ({error})"),
    };
    let reader = PytorchReader::new(path).map_err(|error| damaged(&error))?;
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
fn from_torch_save(_: &Path, place: String) -> Result<StateDict> {
    let problem = "a file of torch.save, which this build does not read; build with --features \
                   pytorch, or save it from Python with safetensors.torch.save_file";
    Err(Error::File { file: place, problem: problem.to_owned() })
}

/// Rows and columns of a matrix of `[rows, columns]` exchanged.
fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}

/// Reads a model's parameters.
struct Reader {
    path: WeightsPath,
    found: Result<BTreeMap<String, Weights>>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(found) = &mut self.found else { return };
        let tensor = param.transform_for_save().val();
        let mut shape = tensor.dims().to_vec();
        match tensor.try_into_vec_as::<f32>() {
            Ok(mut values) => {
                if let Some(sides) = self.path.transposed(&shape) {
                    values = transposed(&values, sides);
                    shape.reverse();
                }
                found.insert(self.path.name(), Weights { shape, values });
            }
            Err(error) => self.found = Err(Error::compute("read the weights", error)),
        }
    }
}

/// Compares a model's parameters with weights, without a change to either.
struct Check<'a> {
    path: WeightsPath,
    dict: &'a StateDict,
    known: BTreeSet<String>,
    missing: Vec<String>,
    misshapen: Vec<String>,
}

impl ModuleVisitor for Check<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.name();
        let mut expected = param.lazy_shape().to_vec();
        if self.path.transposed(&expected).is_some() {
            expected.reverse();
        }
        match self.dict.shape(&name) {
            None => self.missing.push(name.clone()),
            Some(shape) if shape != expected => {
                self.misshapen.push(format!("{name} is {shape:?}, expected {expected:?}"));
            }
            Some(_) => {}
        }
        self.known.insert(name);
    }
}

impl Check<'_> {
    /// What keeps the weights from being loaded, or `None`.
    fn problem(mut self) -> Option<String> {
        let unused = self.dict.names().filter(|name| !self.known.contains(*name));
        let unused: Vec<_> = unused.collect();
        let mut problems = Vec::new();
        if !self.missing.is_empty() {
            problems.push(format!("missing: {}", self.missing.join(", ")));
        }
        if !unused.is_empty() {
            problems.push(format!("unused: {}", unused.join(", ")));
        }
        problems.append(&mut self.misshapen);
        (!problems.is_empty()).then(|| problems.join("; "))
    }
}

/// Sets a model's parameters to weights that [`Check`] found to fit.
struct Writer<'a> {
    path: WeightsPath,
    dict: &'a StateDict,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(weights) = self.dict.tensors.get(&self.path.name()) else { return param };
        let mut values = weights.values.clone();
        let mut shape = weights.shape.clone();
        let sides = self.path.transposed(&shape);
        if let Some(sides) = sides {
            values = transposed(&values, sides);
            shape.reverse();
        }
        let (id, device) = (param.id, param.lazy_device());
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
        param.transform_for_load(tensor, id)
    }
}
