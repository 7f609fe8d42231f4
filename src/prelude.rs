//! The names that nearly every program needs: `use fastburn::prelude::*`.

pub use crate::data::{DataLoaders, Splits};
pub use crate::device;
pub use crate::error::{Error, Result};
pub use crate::learner::{
    Callback, EpochTable, Flow, Learner, OptimizerKind, Rates, Scope, State, Stop,
};
pub use crate::loss::{cross_entropy, mnist_loss, mse};
pub use crate::metrics::accuracy;
pub use crate::models::{LinearConfig, MlpConfig, Model};
pub use crate::predictor::Predictor;
pub use crate::seed::Seed;
