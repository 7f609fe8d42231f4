//! Models: Burn modules with a forward function and a configuration that can be saved.
//!
//! No model depends on a backend. The device passed to `init` decides where it computes.

mod architecture;
mod draw;
mod init;
mod linear;
mod mlp;
mod model;
mod model_file;
mod observe;
mod weights;

pub use architecture::{AnyModel, Architecture, Portable};
pub(crate) use draw::draw;
pub use init::Init;
pub use linear::{Linear, LinearConfig};
pub use mlp::{Activation, Mlp, MlpConfig};
pub use model::{LayerGroup, Model};
pub(crate) use model::{ModulePath, split};
pub use model_file::ModelCard;
pub(crate) use model_file::ModelFile;
pub use observe::{Listening, Observation, listen, observe, observe_part};
pub use weights::{StateDict, TorchNames};
