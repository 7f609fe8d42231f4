//! The optimizer of a learner: one of fastburn's or one of Burn's.

use burn::optim::ModuleOptimizer;

use super::config::OptimizerConfig;
use super::kind::OptimizerKind;

/// The name of one of Burn's optimizers that was given none.
pub(crate) const UNNAMED: &str = "Burn's own";

/// What a learner's [`optimizer`](crate::learner::Learner::optimizer) may be: an [`OptimizerKind`],
/// an [`OptimizerConfig`], or one of Burn's.
///
/// ```
/// use burn::optim::SgdConfig;
/// use fastburn::optim::AnyOptimizer;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let sgd = AnyOptimizer::burn("Burn's SGD", SgdConfig::new().init());
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).optimizer(sgd);
/// learn.fit(1, 0.1)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Clone)]
pub enum AnyOptimizer {
    /// One of fastburn's.
    Config(OptimizerConfig),
    /// One of Burn's.
    Burn {
        /// The name that tells it from others in a checkpoint. Burn's optimizers do not show their
        /// settings, so the name should include them.
        name: String,
        /// The optimizer.
        optimizer: ModuleOptimizer,
    },
}

impl AnyOptimizer {
    /// Names one of Burn's optimizers, so that a run is not resumed with another one.
    pub fn burn(name: impl Into<String>, optimizer: ModuleOptimizer) -> Self {
        Self::Burn { name: name.into(), optimizer }
    }
}

impl From<OptimizerKind> for AnyOptimizer {
    fn from(kind: OptimizerKind) -> Self {
        Self::Config(kind.into())
    }
}

impl From<OptimizerConfig> for AnyOptimizer {
    fn from(config: OptimizerConfig) -> Self {
        Self::Config(config)
    }
}

/// Without a name of its own: all are called "Burn's own", and a resumed run cannot tell them
/// apart.
impl From<ModuleOptimizer> for AnyOptimizer {
    fn from(optimizer: ModuleOptimizer) -> Self {
        Self::burn(UNNAMED, optimizer)
    }
}

impl std::fmt::Debug for AnyOptimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(config) => config.fmt(f),
            Self::Burn { name, .. } => {
                f.debug_struct("Burn").field("name", name).finish_non_exhaustive()
            }
        }
    }
}
