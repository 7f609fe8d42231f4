//! The options of models that are chosen by name.

use serde::{Deserialize, Serialize};

use super::init::Init;

/// The activation function of the hidden layers.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
}

/// The options of a model that is chosen by name, as with the program's `--model`. Each kind of
/// model takes those that it has a use for.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelOptions {
    /// The widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The activation function of the hidden layers.
    pub activation: Activation,
    /// The initialisation of weights and biases.
    pub init: Init,
}

impl ModelOptions {
    /// Creates options with no hidden layers, ReLU and PyTorch's initialisation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the widths of the hidden layers (default: none).
    pub fn hidden(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.hidden = widths.into();
        self
    }

    /// Sets the activation function of the hidden layers (default: ReLU).
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Sets the initialisation (default: PyTorch's).
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }
}
