//! Optimizers by name, and their options.

mod any;
mod config;
mod kind;
mod one_pass;
mod step;

pub use self::any::AnyOptimizer;
pub(crate) use self::any::UNNAMED;
pub use self::config::OptimizerConfig;
pub use self::kind::OptimizerKind;
pub(crate) use self::step::{Momentum, load_on};
