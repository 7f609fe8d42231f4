//! The configuration of residual networks.

use serde::{Deserialize, Serialize};

use crate::layers::HeadConfig;
use crate::models::options::Stem;

/// The channels of the stages of torchvision's networks, before the expansion of bottlenecks.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// The kind of a [`ResNet`](super::ResNet)'s blocks (He et al. 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// Two convolutions of 3×3.
    Basic,
    /// Convolutions of 1×1, 3×3 and 1×1, the last with four times as many channels. A stride is
    /// that of the 3×3 convolution, as in torchvision ("ResNet v1.5").
    Bottleneck,
}

impl BlockKind {
    /// Returns the output channels of a block of that width.
    pub(super) fn outputs(self, width: usize) -> usize {
        match self {
            Self::Basic => width,
            Self::Bottleneck => width.saturating_mul(4),
        }
    }
}

/// The configuration of a [`ResNet`](super::ResNet).
///
/// ```
/// use burn::module::Module;
/// use burn::tensor::Tensor;
/// use fastburn::models::{Model, ResNetConfig};
///
/// let device = fastburn::device::cpu()?;
/// let narrow = ResNetConfig::resnet18(3, 10).with_widths([4, 8, 16, 32]);
/// let model = narrow.init(&device, 42)?;
/// assert_eq!(model.forward(Tensor::zeros([2, 3, 64, 64], &device)).dims(), [2, 10]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResNetConfig {
    /// The channels of the images: 1 for grey, 3 for colour.
    pub channels: usize,
    /// The kind of block.
    pub block: BlockKind,
    /// The number of blocks in each of the four stages.
    pub blocks: [usize; 4],
    /// The channels of the four stages, before the expansion of bottleneck blocks. The stem has as
    /// many as the first.
    pub widths: [usize; 4],
    /// The first layers.
    pub stem: Stem,
    /// The head.
    pub head: HeadConfig,
    /// The number of outputs.
    pub outputs: usize,
    /// Whether the last norm of each block begins with weights of 0, so that each block begins as
    /// the identity (Goyal et al. 2017): torchvision's `zero_init_residual`.
    // Only a new model has it: see `ResNetConfig::init_lazily`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zero_init: bool,
}

impl ResNetConfig {
    /// Creates a configuration with torchvision's widths, stem and head.
    pub fn new(channels: usize, block: BlockKind, blocks: [usize; 4], outputs: usize) -> Self {
        Self {
            channels,
            block,
            blocks,
            widths: WIDTHS,
            stem: Stem::Standard,
            head: HeadConfig::linear(),
            outputs,
            zero_init: false,
        }
    }

    /// Creates the configuration of torchvision's `resnet18`.
    pub fn resnet18(channels: usize, outputs: usize) -> Self {
        Self::new(channels, BlockKind::Basic, [2, 2, 2, 2], outputs)
    }

    /// Creates the configuration of torchvision's `resnet34`.
    pub fn resnet34(channels: usize, outputs: usize) -> Self {
        Self::new(channels, BlockKind::Basic, [3, 4, 6, 3], outputs)
    }

    /// Creates the configuration of torchvision's `resnet50`.
    pub fn resnet50(channels: usize, outputs: usize) -> Self {
        Self::new(channels, BlockKind::Bottleneck, [3, 4, 6, 3], outputs)
    }

    /// Sets the channels of the four stages (default: 64, 128, 256 and 512).
    pub fn with_widths(mut self, widths: [usize; 4]) -> Self {
        self.widths = widths;
        self
    }

    /// Sets the first layers (default: the standard ones, for images of 64 pixels and more).
    pub fn with_stem(mut self, stem: Stem) -> Self {
        self.stem = stem;
        self
    }

    /// Sets the head (default: average pooling and one linear layer).
    pub fn with_head(mut self, head: HeadConfig) -> Self {
        self.head = head;
        self
    }

    /// Sets whether the last norm of each block begins with weights of 0 (default: no).
    pub fn with_zero_init(mut self, zero_init: bool) -> Self {
        self.zero_init = zero_init;
        self
    }
}
