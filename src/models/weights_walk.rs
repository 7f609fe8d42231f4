//! Walks through a module's parameters, under PyTorch's names and in its layout.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use super::state_dict::{StateDict, Weights};
use crate::error::{Error, Result};

/// How many tensors a message names.
const MOST_NAMED: usize = 10;

/// The way from a module down to one of its parameters.
pub(super) struct WeightsPath {
    /// Each part's name, and the type that has it.
    parts: Vec<(String, String)>,
    torch_name: fn(&str) -> String,
}

impl WeightsPath {
    pub fn new(torch_name: fn(&str) -> String) -> Self {
        Self { parts: Vec::new(), torch_name }
    }

    pub fn enter(&mut self, name: &str, container: &str) {
        self.parts.push((name.to_owned(), container.to_owned()));
    }

    pub fn exit(&mut self) {
        self.parts.pop();
    }

    /// PyTorch's name for the parameter at hand.
    pub fn name(&self) -> String {
        // The variant of an enum is no part of what PyTorch sees.
        let parts = self.parts.iter().filter(|(_, container)| !container.starts_with("Enum:"));
        let names: Vec<_> = parts.map(|(name, _)| name.as_str()).collect();
        (self.torch_name)(&names.join("."))
    }

    /// Rows and columns of a weight that PyTorch has transposed: that of Burn's linear layer.
    fn transposed(&self, shape: &[usize]) -> Option<[usize; 2]> {
        let (name, container) = self.parts.last()?;
        match shape {
            &[rows, columns] if name == "weight" && container == "Struct:Linear" => {
                Some([rows, columns])
            }
            _ => None,
        }
    }
}

/// Rows and columns of a matrix of `[rows, columns]` exchanged.
pub(super) fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}

/// Reads a model's parameters.
pub(super) struct Reader {
    path: WeightsPath,
    pub found: Result<BTreeMap<String, Weights>>,
}

impl Reader {
    pub fn new(torch_name: fn(&str) -> String) -> Self {
        Self { path: WeightsPath::new(torch_name), found: Ok(BTreeMap::new()) }
    }
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
pub(super) struct Check<'a> {
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

impl<'a> Check<'a> {
    pub fn new(torch_name: fn(&str) -> String, dict: &'a StateDict) -> Self {
        Self {
            path: WeightsPath::new(torch_name),
            dict,
            known: BTreeSet::new(),
            missing: Vec::new(),
            misshapen: Vec::new(),
        }
    }

    /// What keeps the weights from being loaded, or `None`.
    pub fn problem(mut self) -> Option<String> {
        let unused = self.dict.names().filter(|name| !self.known.contains(*name));
        let unused: Vec<_> = unused.map(str::to_owned).collect();
        let mut problems = Vec::new();
        for (what, names) in [("missing", &self.missing), ("unused", &unused)] {
            if !names.is_empty() {
                problems.push(format!("{what}: {}", some(names)));
            }
        }
        self.misshapen.truncate(MOST_NAMED);
        problems.append(&mut self.misshapen);
        (!problems.is_empty()).then(|| problems.join("; "))
    }
}

/// The first of many names.
fn some(names: &[String]) -> String {
    match names.len().checked_sub(MOST_NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MOST_NAMED].join(", ")),
    }
}

/// Sets a model's parameters to weights that [`Check`] found to fit.
pub(super) struct Writer<'a> {
    path: WeightsPath,
    dict: &'a StateDict,
}

impl<'a> Writer<'a> {
    pub fn new(torch_name: fn(&str) -> String, dict: &'a StateDict) -> Self {
        Self { path: WeightsPath::new(torch_name), dict }
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
