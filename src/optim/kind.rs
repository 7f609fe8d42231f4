//! Optimizers by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An optimizer with fastai's default settings, or with its paper's if fastai has none.
///
/// The first five are tested against PyTorch and fastai over twenty steps. RMSProp with momentum
/// follows PyTorch: momentum applies to the divided gradients. The others are Burn's.
///
/// For other settings, use [`OptimizerConfig`](super::OptimizerConfig).
/// [`Learner::optimizer`](crate::learner::Learner::optimizer) also takes any of Burn's optimizers.
///
/// ```
/// use fastburn::optim::OptimizerKind;
///
/// assert_eq!("adam".parse::<OptimizerKind>()?, OptimizerKind::Adam);
/// assert!("adamant".parse::<OptimizerKind>().is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum), value(rename_all = "lowercase"))]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Stochastic gradient descent: `p -= lr · gradient`.
    Sgd,
    /// SGD with momentum 0.9, as PyTorch computes it.
    Momentum,
    /// Adam with fastai's betas 0.9 and 0.99, ε 1e-5, decoupled weight decay 0.01 except on biases.
    #[default]
    Adam,
    /// Adam with PyTorch's AdamW settings: betas 0.9 and 0.999, ε 1e-8, weight decay 0.01.
    AdamW,
    /// RMSProp with smoothing constant 0.99, without momentum.
    RmsProp,
    /// AdaGrad.
    AdaGrad,
    /// LAMB with betas 0.9 and 0.99.
    Lamb,
    /// Lion with betas 0.9 and 0.99.
    Lion,
    /// Adan.
    Adan,
}

impl OptimizerKind {
    /// All optimizers.
    pub const ALL: [Self; 9] = [
        Self::Sgd,
        Self::Momentum,
        Self::Adam,
        Self::AdamW,
        Self::RmsProp,
        Self::AdaGrad,
        Self::Lamb,
        Self::Lion,
        Self::Adan,
    ];

    /// Returns the name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::RmsProp => "rmsprop",
            Self::AdaGrad => "adagrad",
            Self::Lamb => "lamb",
            Self::Lion => "lion",
            Self::Adan => "adan",
        }
    }
}

impl FromStr for OptimizerKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::setting("optimizer", name, format!("one of {names}"))
        })
    }
}

impl std::fmt::Display for OptimizerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
