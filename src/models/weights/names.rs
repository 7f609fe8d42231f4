//! PyTorch's names for the tensors of a module.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor};

use crate::models::module_path::ModulePath;

/// The counter of a batch norm in PyTorch's state dicts. Burn's has none.
const BATCHES: &str = "num_batches_tracked";

/// A module whose tensors have names in PyTorch.
///
/// A tensor's name is the path of the module that holds it, followed by PyTorch's name for the
/// tensor in a module of that kind: the `gamma` of Burn's batch norm is PyTorch's `weight`. By
/// default, the path consists of the names of the fields that lead to the module. If PyTorch's
/// module has other ones, implement [`torch_path`](Self::torch_path).
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
/// use fastburn::models::{StateDict, TorchNames};
///
/// #[derive(Module, Debug)]
/// struct Net {
///     hidden: Linear,
///     norm: BatchNorm,
/// }
///
/// impl TorchNames for Net {}
///
/// let device = fastburn::device::cpu()?;
/// let mut model = Net {
///     hidden: LinearConfig::new(3, 5).init(&device),
///     norm: BatchNormConfig::new(5).init(&device),
/// };
/// let weights = StateDict::of(&model)?;
/// assert_eq!(weights.shape("hidden.weight"), Some(&[5, 3][..])); // [outputs, inputs]
/// assert_eq!(weights.values("norm.weight"), Some(&[1.0; 5][..]));
/// weights.load_into(&mut model)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the tensors of `{Self}` have no names in PyTorch",
    label = "not a module with names in PyTorch",
    note = "write `impl fastburn::models::TorchNames for {Self} {{}}` if PyTorch's module has the same \
            fields"
)]
pub trait TorchNames: Module {
    /// Returns PyTorch's path for the module at `path`, such as `layers.0`; the model itself has
    /// the path ``.
    fn torch_path(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Returns PyTorch's name for a tensor of a module of the type `kind`. The default knows Burn's
    /// modules.
    fn torch_tensor<'a>(&self, kind: &str, tensor: &'a str) -> &'a str {
        burn_tensor(kind, tensor)
    }
}

/// The position of a visitor in a module, with PyTorch's names.
pub(super) struct TorchPath<'a, M> {
    pub path: ModulePath,
    model: &'a M,
}

impl<'a, M: TorchNames> TorchPath<'a, M> {
    pub fn new(model: &'a M) -> Self {
        Self { path: ModulePath::default(), model }
    }

    /// Returns PyTorch's name for the tensor.
    pub fn name(&self) -> String {
        self.joined(self.model.torch_tensor(&self.path.kind(), self.path.tensor()))
    }

    /// Returns the name of a tensor that PyTorch has beside this one, and Burn has not.
    pub fn counter(&self) -> Option<String> {
        let is_mean = self.path.kind() == "BatchNorm" && self.path.tensor() == "running_mean";
        is_mean.then(|| self.joined(BATCHES))
    }

    fn joined(&self, tensor: &str) -> String {
        match self.model.torch_path(&self.path.module()).as_str() {
            "" => tensor.to_owned(),
            module => format!("{module}.{tensor}"),
        }
    }
}

/// Returns PyTorch's name for each of a model's tensors, by its path.
pub(in crate::models) fn torch_names<M: TorchNames>(model: &M) -> BTreeMap<String, String> {
    let mut names = Names { path: TorchPath::new(model), found: BTreeMap::new() };
    model.visit(&mut names);
    names.found
}

struct Names<'a, M> {
    path: TorchPath<'a, M>,
    found: BTreeMap<String, String>,
}

impl<M: TorchNames> Names<'_, M> {
    fn add(&mut self) {
        self.found.insert(self.path.path.parameter(), self.path.name());
    }
}

impl<M: TorchNames> ModuleVisitor for Names<'_, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        self.add();
    }

    fn visit_int<const D: usize>(&mut self, _: &Param<Tensor<D, Int>>) {
        self.add();
    }

    fn visit_bool<const D: usize>(&mut self, _: &Param<Tensor<D, Bool>>) {
        self.add();
    }
}

/// Returns PyTorch's name for a tensor of a module of Burn's of that kind.
fn burn_tensor<'a>(kind: &str, tensor: &'a str) -> &'a str {
    match (kind, tensor) {
        ("BatchNorm" | "GroupNorm" | "InstanceNorm" | "LayerNorm" | "RmsNorm", "gamma") => "weight",
        ("BatchNorm" | "GroupNorm" | "InstanceNorm" | "LayerNorm", "beta") => "bias",
        ("PRelu", "alpha") => "weight",
        (_, other) => other,
    }
}
