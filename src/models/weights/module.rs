//! Conversion between modules and state dicts, with PyTorch's names and layout.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use super::state_dict::{StateDict, Weights, transposed};
use crate::error::{Error, Result};
use crate::models::model::ModulePath;
use crate::printable::list_of;

/// The most tensors that a message names.
const MOST_NAMED: usize = 10;

/// A module whose parameters have names in PyTorch.
///
/// By default, the names are the parameters' paths within the module, as in a PyTorch module with
/// the same fields whose parts are linear layers. For parts whose parameters have other names in
/// PyTorch, implement [`torch_name`](Self::torch_name). Only float parameters count.
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
    /// Returns PyTorch's name for the parameter at `path`.
    fn torch_name(path: &str) -> String {
        path.to_owned()
    }
}

impl StateDict {
    /// Reads the weights of a model. Waits for its device.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`] if the device fails.
    pub fn of<M: TorchNames>(model: &M) -> Result<Self> {
        let mut reader = Reader::new(M::torch_name);
        // Burn adds the last update of running statistics to what a visitor sees only now.
        model.valid().visit(&mut reader);
        Ok(Self { place: "the model".to_owned(), tensors: reader.found? })
    }

    /// Loads the weights into a model, which is unchanged on an error.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the weights do not fit the model. It names the tensors that are missing,
    /// unused or of another shape.
    pub fn load_into<M: TorchNames>(&self, model: &mut M) -> Result<()> {
        let mut check = Check::new(M::torch_name, self);
        model.visit(&mut check);
        if let Some(problem) = check.problem() {
            return Err(self.error(format!("the weights do not fit the model: {problem}")));
        }
        *model = model.clone().map(&mut Writer::new(M::torch_name, self));
        Ok(())
    }
}

/// The position of a visitor in a module, with PyTorch's names.
struct TorchPath {
    path: ModulePath,
    torch_name: fn(&str) -> String,
}

impl TorchPath {
    fn new(torch_name: fn(&str) -> String) -> Self {
        Self { path: ModulePath::default(), torch_name }
    }

    /// Returns PyTorch's name for the parameter.
    fn name(&self) -> String {
        (self.torch_name)(&self.path.parameter())
    }

    /// Returns the rows and columns of a parameter of that shape, if PyTorch stores it transposed.
    fn transposed(&self, shape: &[usize]) -> Option<[usize; 2]> {
        match shape {
            &[rows, columns] if self.path.is_linear_weight() => Some([rows, columns]),
            _ => None,
        }
    }
}

/// Reads a model's parameters.
struct Reader {
    path: TorchPath,
    found: Result<BTreeMap<String, Weights>>,
}

impl Reader {
    fn new(torch_name: fn(&str) -> String) -> Self {
        Self { path: TorchPath::new(torch_name), found: Ok(BTreeMap::new()) }
    }
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.path.exit();
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

/// Compares a model's parameters with weights, without changing either.
struct Check<'a> {
    path: TorchPath,
    dict: &'a StateDict,
    known: BTreeSet<String>,
    missing: Vec<String>,
    misshapen: Vec<String>,
}

impl ModuleVisitor for Check<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.path.exit();
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
                self.misshapen.push(format!("{name} has shape {shape:?}, expected {expected:?}"));
            }
            Some(_) => {}
        }
        self.known.insert(name);
    }
}

impl<'a> Check<'a> {
    fn new(torch_name: fn(&str) -> String, dict: &'a StateDict) -> Self {
        Self {
            path: TorchPath::new(torch_name),
            dict,
            known: BTreeSet::new(),
            missing: Vec::new(),
            misshapen: Vec::new(),
        }
    }

    /// Returns why the weights cannot be loaded, or `None`.
    fn problem(mut self) -> Option<String> {
        let unused = self.dict.names().filter(|name| !self.known.contains(*name));
        let unused: Vec<_> = unused.map(str::to_owned).collect();
        let mut problems = Vec::new();
        for (what, names) in [("missing", &self.missing), ("unused", &unused)] {
            if !names.is_empty() {
                problems.push(format!("{what}: {}", list_of(MOST_NAMED, names)));
            }
        }
        self.misshapen.truncate(MOST_NAMED);
        problems.append(&mut self.misshapen);
        (!problems.is_empty()).then(|| problems.join("; "))
    }
}

/// Sets a model's parameters to weights that [`Check`] has found to fit.
struct Writer<'a> {
    path: TorchPath,
    dict: &'a StateDict,
}

impl<'a> Writer<'a> {
    fn new(torch_name: fn(&str) -> String, dict: &'a StateDict) -> Self {
        Self { path: TorchPath::new(torch_name), dict }
    }
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.path.exit();
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
