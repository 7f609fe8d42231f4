//! Models: Burn modules with a forward function and a configuration that can be saved.
//!
//! No model depends on a backend. The device passed to `init` decides where it computes.

mod any_model;
mod architecture;
mod draw;
mod exportable;
mod full_precision;
mod init;
mod linear;
mod mlp;
mod model;
mod model_card;
mod model_file;
mod model_kind;
mod observe;
mod options;
mod registry;
mod transfer;
mod weights;

pub use any_model::AnyModel;
pub use architecture::Architecture;
pub(crate) use draw::draw;
pub use exportable::Exportable;
pub use full_precision::{FullPrecision, Norm};
pub use init::Init;
pub use linear::{Linear, LinearConfig};
pub use mlp::{Mlp, MlpConfig};
pub use model::{LayerGroup, Model};
pub(crate) use model::{ModulePath, split};
pub use model_card::ModelCard;
pub use model_file::ModelFile;
pub use model_kind::ModelKind;
pub use observe::{Listening, Observation, listen, observe, observe_part};
pub use options::{Activation, ModelOptions};
pub use registry::Registry;
pub use transfer::TransferredModel;
pub use weights::{StateDict, TorchNames};
