//! Parts of a model that learn at rates of their own, or not at all.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use super::weights_walk::WeightsPath;
use crate::error::{Error, Result};

/// A part of a model by name, such as its body or its head: what [`freeze`] freezes and what a
/// learning rate belongs to.
///
/// It holds the parameters whose paths begin with one of its prefixes. A path is the names of the
/// fields that lead to the parameter, joined by dots, such as `layers.0.weight`; a prefix ends where
/// a name ends.
///
/// [`freeze`]: crate::Learner::freeze
///
/// ```
/// use burn::module::Module;
/// use burn::nn::Linear;
/// use burn::tensor::{Tensor, activation::relu};
/// use fastburn::models::{LayerGroup, Model};
///
/// #[derive(Module, Debug)]
/// struct Three {
///     first: Linear,
///     second: Linear,
///     last: Linear,
/// }
///
/// impl Model<Tensor<2>> for Three {
///     type Output = Tensor<2>;
///
///     fn forward(&self, input: Tensor<2>) -> Tensor<2> {
///         let x = relu(self.second.forward(relu(self.first.forward(input))));
///         self.last.forward(x)
///     }
///
///     fn layer_groups(&self) -> Vec<LayerGroup> {
///         vec![LayerGroup::new("body", ["first", "second"]), LayerGroup::new("head", ["last"])]
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerGroup {
    name: String,
    prefixes: Vec<String>,
}

impl LayerGroup {
    /// The parameters whose paths begin with one of `prefixes`.
    pub fn new(
        name: impl Into<String>,
        prefixes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { name: name.into(), prefixes: prefixes.into_iter().map(Into::into).collect() }
    }

    /// All parameters, as one group.
    pub fn all() -> Self {
        Self::new("all", [""])
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            let rest = path.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// The parameters of floats of each group.
///
/// # Errors
///
/// [`Error::Setting`] if there is no group, a group has no parameter, or a parameter is in no group
/// or in two.
pub(crate) fn split<M: Module>(model: &M, groups: &[LayerGroup]) -> Result<Vec<Vec<ParamId>>> {
    let mut paths = Paths { path: WeightsPath::new(str::to_owned), found: Vec::new() };
    model.visit(&mut paths);
    let mut split = vec![Vec::new(); groups.len()];
    for (path, id) in paths.found {
        let mut of = (0..groups.len()).filter(|&index| groups[index].has(&path));
        match (of.next(), of.next()) {
            (Some(index), None) => split[index].push(id),
            (found, _) => {
                let how_many = if found.is_some() { "two groups" } else { "none" };
                let expected = format!("the parameter {path} is in {how_many}; each is in one");
                return Err(Error::setting("the layer groups", names(groups), expected));
            }
        }
    }
    match split.iter().position(Vec::is_empty) {
        Some(empty) => {
            let expected = format!("{} has no parameter", groups[empty].name);
            Err(Error::setting("the layer groups", names(groups), expected))
        }
        None => Ok(split),
    }
}

fn names(groups: &[LayerGroup]) -> String {
    groups.iter().map(LayerGroup::name).collect::<Vec<_>>().join(", ")
}

/// Each parameter's path and id.
struct Paths {
    path: WeightsPath,
    found: Vec<(String, ParamId)>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.name(), param.id));
    }
}
