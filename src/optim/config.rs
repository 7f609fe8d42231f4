//! The options of an optimizer.

use burn::optim::{
    AdaGradConfig, AdanConfig, LambConfig, LionConfig, ModuleOptimizer, Optimizer, RmsPropConfig,
};
use serde::{Deserialize, Serialize};

use super::kind::OptimizerKind;
use super::one_pass;
use super::step::{Decay, Momentum, StepOptions, SteppedOptimizer};
use crate::checks;
use crate::error::{Error, Result};

/// A named optimizer with custom options.
///
/// The other options have the defaults of [`OptimizerKind`]. An option that the optimizer does not
/// have is an error at the start of a fit.
///
/// ```
/// use fastburn::optim::{OptimizerConfig, OptimizerKind};
///
/// // PyTorch's SGD(momentum=0.9, weight_decay=1e-4):
/// let sgd = OptimizerConfig::new(OptimizerKind::Sgd).momentum(0.9).weight_decay(1e-4).coupled();
/// sgd.check()?;
/// assert!(OptimizerConfig::new(OptimizerKind::AdaGrad).momentum(0.9).check().is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OptimizerConfig {
    kind: OptimizerKind,
    momentum: Option<f64>,
    squared_momentum: Option<f64>,
    eps: Option<f64>,
    weight_decay: f64,
    decoupled: bool,
    decay_biases: bool,
}

impl OptimizerConfig {
    /// Creates an optimizer with the defaults of [`OptimizerKind`].
    pub fn new(kind: OptimizerKind) -> Self {
        let (momentum, squared_momentum, eps) = match kind {
            OptimizerKind::Sgd => (None, None, None),
            OptimizerKind::Momentum => (Some(0.9), None, None),
            OptimizerKind::Adam | OptimizerKind::Lamb => (Some(0.9), Some(0.99), Some(1e-5)),
            OptimizerKind::AdamW => (Some(0.9), Some(0.999), Some(1e-8)),
            OptimizerKind::RmsProp => (None, Some(0.99), Some(1e-8)),
            OptimizerKind::AdaGrad => (None, None, Some(1e-5)),
            OptimizerKind::Lion => (Some(0.9), Some(0.99), None),
            OptimizerKind::Adan => (None, None, Some(1e-8)),
        };
        let decays = matches!(kind, OptimizerKind::Adam | OptimizerKind::AdamW);
        Self {
            kind,
            momentum,
            squared_momentum,
            eps,
            weight_decay: if decays { 0.01 } else { 0.0 },
            decoupled: true,
            decay_biases: kind == OptimizerKind::AdamW,
        }
    }

    /// Sets the momentum, also known as β₁: the decay rate of the running average of gradients. A
    /// schedule may change it at each step.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = Some(momentum);
        self
    }

    /// Sets the decay rate of the running average of squared gradients (in Lion, of gradients): β₂,
    /// RMSprop's α, fastai's `sqr_mom`.
    pub fn squared_momentum(mut self, squared_momentum: f64) -> Self {
        self.squared_momentum = Some(squared_momentum);
        self
    }

    /// Sets ε, which is added to the denominator.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = Some(eps);
        self
    }

    /// Sets the weight decay rate. It is decoupled by default, as in fastai and AdamW: a step
    /// begins with `p *= 1 - lr · weight_decay` (Loshchilov and Hutter 2019).
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Applies weight decay through the gradient, `gradient += weight_decay · p`: an L2 penalty, as
    /// in PyTorch's SGD, Adam and RMSprop.
    pub fn coupled(mut self) -> Self {
        self.decoupled = false;
        self
    }

    /// Sets whether parameters with a single axis decay too: biases and normalisation weights. By
    /// default they do only in [`OptimizerKind::AdamW`]. PyTorch decays them, fastai does not.
    pub fn decay_biases(mut self, decay_biases: bool) -> Self {
        self.decay_biases = decay_biases;
        self
    }

    /// Returns the kind of optimizer.
    pub fn kind(&self) -> OptimizerKind {
        self.kind
    }

    /// Checks the options.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if an option is out of range, [`Error::Usage`] if this optimizer does not
    /// have it.
    pub fn check(&self) -> Result<()> {
        use OptimizerKind::{AdaGrad, Adan, Lion, Momentum, Sgd};
        let kind = self.kind;
        let check_option = |option: &str, given: bool, known: bool| {
            if given && !known {
                Err(Error::usage(format!("{kind} has no {option} option")))
            } else {
                Ok(())
            }
        };
        check_option("momentum", self.momentum.is_some(), !matches!(kind, AdaGrad | Adan))?;
        let squares = !matches!(kind, Sgd | Momentum | AdaGrad | Adan);
        check_option("squared momentum", self.squared_momentum.is_some(), squares)?;
        check_option("eps", self.eps.is_some(), !matches!(kind, Sgd | Momentum | Lion))?;
        let given = |value: Option<f64>| value.into_iter();
        given(self.momentum).try_for_each(|value| checks::below_one("momentum", value))?;
        given(self.squared_momentum)
            .try_for_each(|value| checks::below_one("squared momentum", value))?;
        given(self.eps).try_for_each(|value| checks::at_least_zero("eps", value))?;
        checks::at_least_zero("weight decay", self.weight_decay)
    }

    /// Returns the initial momentum, if the optimizer has one.
    pub(crate) fn first_momentum(&self) -> Option<f64> {
        self.momentum
    }

    /// Builds the optimizer, which reads its momentum from `momentum` at each step.
    pub(crate) fn build(&self, momentum: &Momentum) -> ModuleOptimizer {
        momentum.set(self.momentum.unwrap_or_default());
        let squared = self.squared_momentum.unwrap_or_default() as f32;
        let eps = self.eps.unwrap_or_default() as f32;
        match self.kind {
            OptimizerKind::Sgd | OptimizerKind::Momentum => {
                let has_momentum = self.momentum.is_some();
                self.decaying(momentum, move |StepOptions { momentum, decay }| one_pass::Sgd {
                    momentum: has_momentum.then_some(momentum as f32),
                    decay,
                })
            }
            OptimizerKind::Adam | OptimizerKind::AdamW => {
                self.decaying(momentum, move |StepOptions { momentum, decay }| one_pass::Adam {
                    beta_1: momentum as f32,
                    beta_2: squared,
                    epsilon: eps,
                    decay,
                })
            }
            OptimizerKind::RmsProp => self.burns(momentum, move |momentum| {
                let config = RmsPropConfig::new().with_alpha(squared).with_epsilon(eps);
                config.with_momentum(momentum as f32).build()
            }),
            OptimizerKind::AdaGrad => {
                self.burns(momentum, move |_| AdaGradConfig::new().with_epsilon(eps).build())
            }
            OptimizerKind::Lamb => self.burns(momentum, move |momentum| {
                let config = LambConfig::new().with_beta_1(momentum as f32).with_beta_2(squared);
                config.with_epsilon(eps).build()
            }),
            OptimizerKind::Lion => self.burns(momentum, move |momentum| {
                LionConfig::new().with_beta_1(momentum as f32).with_beta_2(squared).build()
            }),
            OptimizerKind::Adan => {
                self.burns(momentum, move |_| AdanConfig::new().with_epsilon(eps).build())
            }
        }
    }

    /// Builds one of ours, which decays by itself.
    fn decaying<O: Optimizer>(
        &self,
        momentum: &Momentum,
        build: impl Fn(StepOptions) -> O + Clone + Send + Sync + 'static,
    ) -> ModuleOptimizer {
        SteppedOptimizer::new(build, momentum.clone(), self.decay(true)).into()
    }

    /// Builds one of Burn's, from the momentum of a step.
    fn burns<O: Optimizer>(
        &self,
        momentum: &Momentum,
        build: impl Fn(f64) -> O + Clone + Send + Sync + 'static,
    ) -> ModuleOptimizer {
        let build = move |options: StepOptions| build(options.momentum);
        SteppedOptimizer::new(build, momentum.clone(), self.decay(false)).into()
    }

    fn decay(&self, built_in: bool) -> Decay {
        Decay {
            rate: self.weight_decay,
            decoupled: self.decoupled,
            biases: self.decay_biases,
            built_in,
        }
    }
}

impl From<OptimizerKind> for OptimizerConfig {
    fn from(kind: OptimizerKind) -> Self {
        Self::new(kind)
    }
}

impl From<OptimizerConfig> for ModuleOptimizer {
    fn from(config: OptimizerConfig) -> Self {
        config.build(&Momentum::default())
    }
}

impl From<OptimizerKind> for ModuleOptimizer {
    fn from(kind: OptimizerKind) -> Self {
        OptimizerConfig::new(kind).into()
    }
}
