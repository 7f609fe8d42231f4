//! Conversion between modules and state dicts, with PyTorch's names and layout.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor, TensorData};

use super::names::{TorchNames, TorchPath, torch_names};
use super::state_dict::{StateDict, transposed};
use super::values::{Values, Weights};
use crate::error::{Error, Result};
use crate::models::module_path::ModulePath;
use crate::printable::list_of;

/// The most tensors that a message names.
const MOST_NAMED: usize = 10;

impl StateDict {
    /// Reads the weights of a model. Waits for its device.
    ///
    /// # Errors
    ///
    /// [`Error::Compute`] if the device fails.
    pub fn of<M: TorchNames>(model: &M) -> Result<Self> {
        let mut reader = Reader { path: TorchPath::new(model), found: Ok(BTreeMap::new()) };
        // Burn adds the last update of running statistics to what a visitor sees only now.
        model.valid().visit(&mut reader);
        Ok(Self { place: "the model".to_owned(), tensors: reader.found? })
    }

    /// Loads the weights into a model, which is unchanged on an error. A clone of the model shares
    /// its running statistics, so these change in the clone too; `valid()` returns a copy of its
    /// own.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the weights do not fit the model. It names the tensors that are missing,
    /// unused or of another shape.
    pub fn load_into<M: TorchNames>(&self, model: &mut M) -> Result<()> {
        self.check_fits(model)?;
        // Running statistics have updates that are not yet added; they would be added to the loaded
        // ones later. A module for validation has none, and so has the module that it comes from.
        let _ = model.valid();
        *model = self.write_to(model.clone());
        Ok(())
    }

    /// Returns a new model, whose parameters need not be drawn, with these weights.
    ///
    /// # Errors
    ///
    /// Those of [`load_into`](Self::load_into).
    pub(in crate::models) fn load_new<M: TorchNames>(&self, model: M) -> Result<M> {
        self.check_fits(&model)?;
        Ok(self.write_to(model))
    }

    /// Checks that they fit a model, whose parameters need not be drawn.
    pub(in crate::models) fn check_fits<M: TorchNames>(&self, model: &M) -> Result<()> {
        let mut check = Check::new(model, self);
        model.visit(&mut check);
        match check.problem() {
            Some(problem) => {
                Err(self.error(format!("the weights do not fit the model: {problem}")))
            }
            None => Ok(()),
        }
    }

    /// Returns a model that they fit, with these weights.
    fn write_to<M: TorchNames>(&self, model: M) -> M {
        let names = torch_names(&model);
        model.map(&mut Writer { path: ModulePath::default(), names, dict: self })
    }
}

/// Reads a model's tensors.
struct Reader<'a, M> {
    path: TorchPath<'a, M>,
    found: Result<BTreeMap<String, Weights>>,
}

impl<M: TorchNames> Reader<'_, M> {
    fn add<E: Display>(&mut self, shape: Vec<usize>, values: Result<Values, E>) {
        let Ok(found) = &mut self.found else { return };
        match values {
            Ok(values) => {
                let name = self.path.name();
                if found.insert(name.clone(), Weights { shape, values }).is_some() {
                    let problem = format!("two tensors of the model are called {name} in PyTorch");
                    self.found = Err(Error::usage(problem));
                }
            }
            Err(error) => self.found = Err(Error::compute("read the weights", error)),
        }
    }
}

impl<M: TorchNames> ModuleVisitor for Reader<'_, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.transform_for_save().val();
        let mut shape = tensor.dims().to_vec();
        let sides = self.path.path.transposed(&shape);
        if sides.is_some() {
            shape.reverse();
        }
        let values = tensor.try_into_vec_as::<f32>().map(|values| match sides {
            Some(sides) => transposed(&values, sides),
            None => values,
        });
        self.add(shape, values.map(Values::Floats));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let tensor = param.transform_for_save().val();
        self.add(tensor.dims().to_vec(), tensor.try_into_vec_as::<i64>().map(Values::Integers));
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        let tensor = param.transform_for_save().val();
        let shape = tensor.dims().to_vec();
        let values = tensor.int().try_into_vec_as::<i64>();
        let values = values.map(|values| values.into_iter().map(|value| value != 0).collect());
        self.add(shape, values.map(Values::Booleans));
    }
}

/// Compares a model's tensors with weights, without changing either.
struct Check<'a, M> {
    path: TorchPath<'a, M>,
    dict: &'a StateDict,
    known: BTreeSet<String>,
    missing: Vec<String>,
    misshapen: Vec<String>,
}

impl<'a, M: TorchNames> Check<'a, M> {
    fn new(model: &'a M, dict: &'a StateDict) -> Self {
        Self {
            path: TorchPath::new(model),
            dict,
            known: BTreeSet::new(),
            missing: Vec::new(),
            misshapen: Vec::new(),
        }
    }

    fn compare(&mut self, mut expected: Vec<usize>, kind: &'static str) {
        let name = self.path.name();
        if self.path.path.transposed(&expected).is_some() {
            expected.reverse();
        }
        match self.dict.tensors.get(&name) {
            None => self.missing.push(name.clone()),
            Some(Weights { shape, .. }) if *shape != expected => {
                self.misshapen.push(format!("{name} has shape {shape:?}, expected {expected:?}"));
            }
            Some(Weights { values, .. }) if values.kind() != kind => {
                self.misshapen.push(format!("{name} has {}, expected {kind}", values.kind()));
            }
            Some(_) => {}
        }
        self.known.extend(self.path.counter());
        self.known.insert(name);
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

impl<M: TorchNames> ModuleVisitor for Check<'_, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.compare(param.lazy_shape().to_vec(), "floats");
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.compare(param.lazy_shape().to_vec(), "integers");
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.compare(param.lazy_shape().to_vec(), "booleans");
    }
}

/// Sets a model's tensors to weights that [`Check`] has found to fit.
struct Writer<'a> {
    path: ModulePath,
    /// PyTorch's name for each tensor, by its path.
    names: BTreeMap<String, String>,
    dict: &'a StateDict,
}

impl<'a> Writer<'a> {
    fn weights(&self) -> Option<&'a Weights> {
        self.dict.tensors.get(self.names.get(&self.path.parameter())?)
    }
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Weights { shape, values: Values::Floats(values) }) = self.weights() else {
            return param;
        };
        let (mut values, mut shape) = (values.clone(), shape.clone());
        if let Some(sides) = self.path.transposed(&shape) {
            values = transposed(&values, sides);
            shape.reverse();
        }
        let (id, device) = (param.id, param.lazy_device());
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
        param.transform_for_load(tensor, id)
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let Some(Weights { shape, values: Values::Integers(values) }) = self.weights() else {
            return param;
        };
        let (id, device) = (param.id, param.lazy_device());
        let data = TensorData::new(values.clone(), shape.clone());
        param.transform_for_load(Tensor::from_data(data, &device), id)
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        let Some(Weights { shape, values: Values::Booleans(values) }) = self.weights() else {
            return param;
        };
        let (id, device) = (param.id, param.lazy_device());
        let data = TensorData::new(values.clone(), shape.clone());
        param.transform_for_load(Tensor::from_data(data, &device), id)
    }
}
