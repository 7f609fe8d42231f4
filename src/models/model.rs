//! The trait of models: a module with a forward function and layer groups.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use super::module_path::ModulePath;
use crate::error::{Error, Result};
use crate::printable::list_of;

/// A Burn module with one forward function, from a batch of inputs to a batch of outputs.
///
/// A custom model needs Burn's `#[derive(Module)]` and this trait:
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Tensor, activation::tanh};
/// use fastburn::models::Model;
///
/// #[derive(Module, Debug)]
/// struct Two {
///     hidden: Linear,
///     output: Linear,
/// }
///
/// impl Model<Tensor<2>> for Two {
///     type Output = Tensor<2>;
///
///     fn forward(&self, input: Tensor<2>) -> Tensor<2> {
///         self.output.forward(tanh(self.hidden.forward(input)))
///     }
/// }
///
/// let device = fastburn::device::cpu()?;
/// let model = Two {
///     hidden: LinearConfig::new(3, 5).init(&device),
///     output: LinearConfig::new(5, 2).init(&device),
/// };
/// assert_eq!(model.forward(Tensor::zeros([7, 3], &device)).dims(), [7, 2]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// To be exported to a model file, it implements [`Exportable`](super::Exportable) too. For a
/// summary with the shapes of its outputs and for statistics of its activations, `forward` tells of
/// them by [`observe`](crate::layers::observe).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model of inputs `{I}`",
    label = "not a model of these inputs",
    note = "implement `fastburn::models::Model<{I}>` for it: an `Output` and a `forward`"
)]
pub trait Model<I>: Module + 'static {
    /// The outputs of a batch, such as logits `[batch, classes]`.
    type Output: Clone + Send + 'static;

    /// Computes the outputs of a batch.
    fn forward(&self, input: I) -> Self::Output;

    /// Computes the outputs of a batch, as [`forward`](Self::forward) does, from what `change`
    /// returns for the last feature maps `[batch, channels, rows, columns]`.
    ///
    /// Feature maps still have places in the image; after them a model pools or flattens. So they
    /// tell where a net looks: [`grad_cam`](super::grad_cam) takes the gradient with respect to
    /// them. The changed maps must have the same shape.
    ///
    /// By default, a model has no feature maps, and `change` is never called. A convolutional model
    /// of your own implements this method, which calls `change` once, and uses it in `forward`. (The
    /// default calls `forward`, so the one must not be used there without the other.)
    ///
    /// ```
    /// use burn::nn::Linear;
    /// use burn::nn::conv::Conv2d;
    /// use burn::tensor::{Tensor, activation::relu};
    /// use fastburn::layers::Pooling;
    /// use fastburn::prelude::*;
    ///
    /// #[derive(Module, Debug)]
    /// struct Small {
    ///     conv: Conv2d,
    ///     head: Linear,
    /// }
    ///
    /// impl Model<Tensor<4>> for Small {
    ///     type Output = Tensor<2>;
    ///
    ///     fn forward(&self, images: Tensor<4>) -> Tensor<2> {
    ///         self.forward_with_maps(images, &mut |maps| maps)
    ///     }
    ///
    ///     fn forward_with_maps(
    ///         &self,
    ///         images: Tensor<4>,
    ///         change: &mut dyn FnMut(Tensor<4>) -> Tensor<4>,
    ///     ) -> Tensor<2> {
    ///         let maps = change(relu(self.conv.forward(images)));
    ///         self.head.forward(Pooling::Average.forward(maps))
    ///     }
    /// }
    /// ```
    fn forward_with_maps(
        &self,
        input: I,
        change: &mut dyn FnMut(Tensor<4>) -> Tensor<4>,
    ) -> Self::Output {
        let _ = change;
        self.forward(input)
    }

    /// Returns the layer groups, from the input to the output. A group can be frozen and can have
    /// its own learning rate. The last one is the head, which transfer learning makes anew for
    /// other classes. By default, all layers form one group.
    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![LayerGroup::all()]
    }
}

/// A named part of a model, such as its body or its head, which can be frozen with [`freeze`] and
/// can have its own learning rate.
///
/// It holds the parameters whose paths begin with one of its prefixes. A path consists of the names
/// of the fields that lead to the parameter, joined by dots, such as `layers.0.weight`. A prefix
/// matches whole names only.
///
/// [`freeze`]: crate::learner::Learner::freeze
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
    /// Creates a group of the parameters whose paths begin with one of `prefixes`.
    pub fn new(
        name: impl Into<String>,
        prefixes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { name: name.into(), prefixes: prefixes.into_iter().map(Into::into).collect() }
    }

    /// Creates a group of all parameters.
    pub fn all() -> Self {
        Self::new("all", [""])
    }

    /// Returns the name of the group.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            let rest = path.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// Returns the float parameters of each group.
///
/// # Errors
///
/// [`Error::Setting`] if there are no groups, a group has no parameters, or a parameter is in no
/// group or in two.
pub(crate) fn split<M: Module>(model: &M, groups: &[LayerGroup]) -> Result<Vec<Vec<ParamId>>> {
    let mut paths = PathCollector { path: ModulePath::default(), found: Vec::new() };
    model.visit(&mut paths);
    let mut split = vec![Vec::new(); groups.len()];
    let paths = paths.found;
    for (path, id) in &paths {
        let mut matching = (0..groups.len()).filter(|&index| groups[index].has(path));
        match (matching.next(), matching.next()) {
            (Some(index), None) => split[index].push(*id),
            (found, _) => {
                let how_many = if found.is_some() { "two groups" } else { "none" };
                let mut expected =
                    format!("one group for each parameter, found {path} in {how_many}");
                let is_dead = |prefix: &&String| {
                    let group = LayerGroup::new("", [prefix.as_str()]);
                    !paths.iter().any(|(path, _)| group.has(path))
                };
                let prefixes = groups.iter().flat_map(|group| &group.prefixes);
                let dead: Vec<_> = prefixes.filter(is_dead).collect();
                if !dead.is_empty() {
                    expected.push_str(&format!("; no parameter begins with {}", list_of(3, &dead)));
                }
                return Err(Error::setting("layer groups", names(groups), expected));
            }
        }
    }
    match split.iter().position(Vec::is_empty) {
        Some(empty) => {
            let expected =
                format!("parameters in each group, found none in {}", groups[empty].name);
            Err(Error::setting("layer groups", names(groups), expected))
        }
        None => Ok(split),
    }
}

fn names(groups: &[LayerGroup]) -> String {
    groups.iter().map(LayerGroup::name).collect::<Vec<_>>().join(", ")
}

/// Collects each parameter's path and id.
struct PathCollector {
    path: ModulePath,
    found: Vec<(String, ParamId)>,
}

impl ModuleVisitor for PathCollector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.parameter(), param.id));
    }
}
