//! Models: Burn modules with a forward function and a configuration that can be saved.
//!
//! No model depends on a backend. The device passed to `init` decides where it computes.

mod any_model;
mod architecture;
mod attribution;
mod conv_net;
mod exportable;
mod input;
mod layer_list;
mod linear;
mod mlp;
mod model;
mod model_card;
mod model_file;
mod model_kind;
mod module_path;
mod named_model;
mod options;
mod preset;
mod registry;
mod resnet;
mod transfer;
mod weights;

pub use any_model::AnyModel;
pub use architecture::Architecture;
pub use attribution::{grad_cam, input_gradient, saliency};
pub use conv_net::{ConvNet, ConvNetConfig};
pub use exportable::Exportable;
pub use layer_list::{count_parameters, layers_of};
pub use linear::{Linear, LinearConfig};
pub use mlp::{Mlp, MlpConfig};
pub(crate) use model::split;
pub use model::{LayerGroup, Model};
pub use model_card::ModelCard;
pub use model_file::ModelFile;
pub use model_kind::ModelKind;
pub(crate) use module_path::ModulePath;
pub use named_model::NamedModel;
pub use options::{Activation, ModelOption, ModelOptions, Shrinking, Stem};
pub use preset::Preset;
pub use registry::Registry;
pub use resnet::{BlockKind, ResNet, ResNetConfig};
pub use transfer::TransferredModel;
pub use weights::{StateDict, TorchNames};
