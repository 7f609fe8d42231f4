//! The models that a program knows by the names of their kinds.

use burn::tensor::Device;

use super::architecture::Architecture;
use super::exportable::Exportable;
use super::model_kind::ModelKind;
use super::named_model::NamedModel;
use super::weights::TorchNames;
use crate::error::{Error, Result};
use crate::printable::list_of;
use crate::seed::Seed;

/// The number of kinds that a message names.
const MOST_NAMED: usize = 20;

/// One or several kinds of models that can be stored in model files and made from them.
///
/// Each [`Exportable`] model is a registry of its own kind. [`registry!`](crate::registry) makes a
/// type of several.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a model file",
    label = "not a model that a model file can hold",
    note = "implement `fastburn::models::TorchNames` and `fastburn::models::Exportable` for it; \
            `Learner::save` writes the weights of any module"
)]
pub trait Registry: TorchNames {
    /// Returns the kinds of models of this type.
    fn kinds() -> Vec<ModelKind<Self>>;

    /// Returns the kind and the configuration of this model.
    ///
    /// # Errors
    ///
    /// Those of [`Architecture::of`].
    fn architecture(&self) -> Result<Architecture>;

    /// Returns the kind of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is none, or more than one.
    fn kind(name: &str) -> Result<ModelKind<Self>> {
        let kinds = Self::kinds();
        let names: Vec<_> = kinds.iter().map(ModelKind::name).collect();
        let mut named = kinds.into_iter().filter(|kind| kind.name() == name);
        match (named.next(), named.next()) {
            (Some(kind), None) => Ok(kind),
            (Some(_), Some(_)) => {
                Err(Error::setting("kind of model", name, "names that differ within a registry"))
            }
            (None, _) => {
                let expected = format!("one of the known kinds: {}", list_of(MOST_NAMED, &names));
                Err(Error::setting("kind of model", name, expected))
            }
        }
    }

    /// Returns the models that can be chosen by name: the presets of all kinds.
    fn all_named() -> Vec<NamedModel> {
        Self::kinds().iter().flat_map(ModelKind::presets).collect()
    }

    /// Returns the model of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is none.
    fn named(name: &str) -> Result<NamedModel> {
        let models = Self::all_named();
        let names: Vec<_> = models.iter().map(NamedModel::name).collect();
        let expected = format!("one of the known models: {}", list_of(MOST_NAMED, &names));
        let found = models.into_iter().find(|model| model.name() == name);
        found.ok_or_else(|| Error::setting("model", name, expected))
    }

    /// Creates a model on a device, with weights drawn from the random seed, as by
    /// [`Seed::module`].
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the kind is unknown or the configuration is invalid.
    fn from_architecture(
        architecture: &Architecture,
        device: &Device,
        seed: impl Into<Seed>,
    ) -> Result<Self> {
        let (kind, seed) = (Self::kind(architecture.kind())?, seed.into());
        seed.try_module(device, |device| kind.make(architecture, device, seed))
    }

    /// Describes the model in a few words, such as `mlp 784-30-10`.
    ///
    /// # Errors
    ///
    /// Those of [`architecture`](Self::architecture).
    fn description(&self) -> Result<String> {
        let architecture = self.architecture()?;
        Self::kind(architecture.kind())?.describe(&architecture)
    }
}

impl<M: Exportable> Registry for M {
    fn kinds() -> Vec<ModelKind<Self>> {
        vec![ModelKind::of()]
    }

    fn architecture(&self) -> Result<Architecture> {
        Architecture::of::<M>(&self.config())
    }
}

/// Makes a type of several kinds of models, such as [`AnyModel`](crate::models::AnyModel): an enum
/// that is a [`Model`](crate::models::Model), and a [`Registry`](crate::models::Registry) that
/// reads a model file of any of them. A variant can hold a registry itself.
///
/// The inputs and outputs that all variants share are named after the colon. Each variant has a
/// type of its own, and each kind a name of its own. The package needs a dependency called `burn`,
/// as for any `#[derive(Module)]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn::models::{AnyModel, Exportable, Linear, LinearConfig, Registry, TorchNames};
/// use fastburn::prelude::*;
///
/// /// A linear model of the logarithms of pixels.
/// #[derive(Module, Debug)]
/// struct LogLinear {
///     linear: Linear,
/// }
///
/// impl Model<Tensor<4>> for LogLinear {
///     type Output = Tensor<2>;
///
///     fn forward(&self, images: Tensor<4>) -> Tensor<2> {
///         self.linear.forward((images + 1.0).log())
///     }
/// }
///
/// impl TorchNames for LogLinear {}
///
/// impl Exportable for LogLinear {
///     const KIND: &'static str = "log-linear";
///     type Config = LinearConfig;
///
///     fn config(&self) -> LinearConfig {
///         self.linear.config()
///     }
///
///     fn from_config(config: &LinearConfig, device: &Device, seed: Seed) -> Result<Self> {
///         Ok(Self { linear: config.init(device, seed)? })
///     }
///
///     fn outputs(config: &LinearConfig) -> usize {
///         config.outputs
///     }
///
///     fn with_outputs(config: LinearConfig, outputs: usize) -> LinearConfig {
///         LinearConfig { outputs, ..config }
///     }
///
///     fn check_input(config: &LinearConfig, shape: &[usize]) -> Result<(), String> {
///         Linear::check_input(config, shape)
///     }
/// }
///
/// fastburn::registry! {
///     /// A model of ours, or any of fastburn's.
///     pub enum OurModel: Model<Tensor<4>, Output = Tensor<2>> {
///         LogLinear(LogLinear),
///         BuiltIn(AnyModel),
///     }
/// }
///
/// let kinds: Vec<_> = OurModel::kinds().iter().map(|kind| kind.name()).collect();
/// assert_eq!(kinds[..2], ["log-linear", "linear"]);
/// let device = device::cpu()?;
/// let model = OurModel::from(LogLinear::init(&LinearConfig::new(784, 10), &device, 42)?);
/// assert_eq!(model.architecture()?.kind(), "log-linear");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[macro_export]
macro_rules! registry {
    (
        $(#[$about:meta])*
        $visibility:vis enum $name:ident: Model<$input:ty, Output = $output:ty> {
            $($(#[$variant_about:meta])* $variant:ident($model:ty)),+ $(,)?
        }
    ) => {
        $(#[$about])*
        // There is one model at a time, so its size in place does not matter.
        #[allow(clippy::large_enum_variant)]
        #[derive($crate::__private::Module, ::core::fmt::Debug)]
        $visibility enum $name {
            $($(#[$variant_about])* $variant($model)),+
        }

        $(impl ::core::convert::From<$model> for $name {
            fn from(model: $model) -> Self {
                Self::$variant(model)
            }
        })+

        impl $crate::__private::Model<$input> for $name {
            type Output = $output;

            fn forward(&self, input: $input) -> $output {
                match self {
                    $(Self::$variant(model) => {
                        $crate::__private::Model::<$input>::forward(model, input)
                    })+
                }
            }

            fn forward_with_maps(
                &self,
                input: $input,
                change: &mut dyn FnMut($crate::__private::Maps) -> $crate::__private::Maps,
            ) -> $output {
                match self {
                    $(Self::$variant(model) => {
                        $crate::__private::Model::<$input>::forward_with_maps(model, input, change)
                    })+
                }
            }

            fn layer_groups(&self) -> ::std::vec::Vec<$crate::__private::LayerGroup> {
                match self {
                    $(Self::$variant(model) => {
                        $crate::__private::Model::<$input>::layer_groups(model)
                    })+
                }
            }
        }

        impl $crate::__private::TorchNames for $name {
            fn torch_path(&self, path: &str) -> ::std::string::String {
                match self {
                    $(Self::$variant(model) => {
                        $crate::__private::TorchNames::torch_path(model, path)
                    })+
                }
            }

            fn torch_tensor<'a>(&self, kind: &str, tensor: &'a str) -> &'a str {
                match self {
                    $(Self::$variant(model) => {
                        $crate::__private::TorchNames::torch_tensor(model, kind, tensor)
                    })+
                }
            }
        }

        impl $crate::__private::Registry for $name {
            fn kinds() -> ::std::vec::Vec<$crate::__private::ModelKind<Self>> {
                let mut kinds = ::std::vec::Vec::new();
                $({
                    let of_variant = <$model as $crate::__private::Registry>::kinds();
                    kinds.extend(of_variant.into_iter().map(|kind| kind.map(Self::$variant)));
                })+
                kinds
            }

            fn architecture(&self) -> $crate::Result<$crate::__private::Architecture> {
                match self {
                    $(Self::$variant(model) => {
                        $crate::__private::Registry::architecture(model)
                    })+
                }
            }
        }
    };
}
