//! The options of models that are chosen by name.

use serde::{Deserialize, Serialize};

use crate::layers::{HeadConfig, Init};

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

/// How a block of a [`ConvNet`](super::ConvNet) halves the size of its feature maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Shrinking {
    /// By a convolution with a stride of 2, which takes a quarter of the time.
    #[default]
    Stride,
    /// By max pooling over 2×2 pixels after the convolution, which is more accurate.
    MaxPool,
}

/// The first layers of a [`ResNet`](super::ResNet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// A convolution of 7×7 with a stride of 2, and max pooling: a quarter of the size.
    Standard,
    /// A convolution of 3×3, which keeps the size: for images below 64 pixels.
    Small,
}

/// The options of a model that is chosen by name, as with the program's `--model`. Each kind of
/// model takes those that it has a use for.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelOptions {
    /// The widths of the hidden layers of an MLP.
    pub hidden: Vec<usize>,
    /// The activation function of the hidden layers of an MLP.
    pub activation: Activation,
    /// The initialisation of weights and biases.
    pub init: Init,
    /// The channels of a convolutional network's blocks or stages; empty for the usual ones.
    pub widths: Vec<usize>,
    /// The side of a small convolutional network's first kernel; `None` for the usual one.
    pub kernel: Option<usize>,
    /// How a small convolutional network halves the size; `None` for the usual way.
    pub shrinking: Option<Shrinking>,
    /// The first layers of a residual network; `None` for those that suit the size of the images.
    pub stem: Option<Stem>,
    /// The head of a convolutional network; `None` for the usual one.
    pub head: Option<HeadConfig>,
    /// Whether the last norm of each residual block begins with weights of 0.
    pub zero_init: bool,
}

/// One of the [`ModelOptions`], by which a [`Preset`](super::Preset) declares those that it uses.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelOption {
    /// [`ModelOptions::hidden`].
    Hidden,
    /// [`ModelOptions::activation`].
    Activation,
    /// [`ModelOptions::init`].
    Init,
    /// [`ModelOptions::widths`].
    Widths,
    /// [`ModelOptions::kernel`].
    Kernel,
    /// [`ModelOptions::shrinking`].
    Shrinking,
    /// [`ModelOptions::stem`].
    Stem,
    /// [`ModelOptions::head`].
    Head,
    /// [`ModelOptions::zero_init`].
    ZeroInit,
}

impl ModelOption {
    /// Returns the name of the field, such as `zero_init`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Activation => "activation",
            Self::Init => "init",
            Self::Widths => "widths",
            Self::Kernel => "kernel",
            Self::Shrinking => "shrinking",
            Self::Stem => "stem",
            Self::Head => "head",
            Self::ZeroInit => "zero_init",
        }
    }
}

impl ModelOptions {
    /// Creates options with no hidden layers, ReLU, PyTorch's initialisation, and a model's usual
    /// values.
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

    /// Sets the channels of blocks or stages (default: the model's usual ones).
    pub fn widths(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.widths = widths.into();
        self
    }

    /// Sets the side of the first kernel (default: the model's usual one).
    pub fn kernel(mut self, side: usize) -> Self {
        self.kernel = Some(side);
        self
    }

    /// Sets how a small convolutional network halves the size (default: the model's usual way).
    pub fn shrinking(mut self, shrinking: Shrinking) -> Self {
        self.shrinking = Some(shrinking);
        self
    }

    /// Sets the first layers of a residual network (default: those that suit the images).
    pub fn stem(mut self, stem: Stem) -> Self {
        self.stem = Some(stem);
        self
    }

    /// Sets the head of a convolutional network (default: the model's usual one).
    pub fn head(mut self, head: HeadConfig) -> Self {
        self.head = Some(head);
        self
    }

    /// Sets whether the last norm of each residual block begins with weights of 0 (default: no).
    pub fn zero_init(mut self, zero_init: bool) -> Self {
        self.zero_init = zero_init;
        self
    }
}
