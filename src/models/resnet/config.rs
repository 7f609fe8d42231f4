//! The configuration of residual networks.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::ResNet;
use super::block::{Block, BlockKind};
use crate::draw::draw;
use crate::error::{Error, Result};
use crate::layers::{HeadConfig, Init, LayerMaker};
use crate::models::options::Stem;
use crate::seed::Seed;

/// The most blocks of a stage.
const MOST_BLOCKS: usize = 1000;
/// Images with a shorter side have the small stem by default.
pub(super) const SMALL_BELOW: usize = 64;
/// The channels of the stages of torchvision's networks, before the expansion of bottlenecks.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// The configuration of a [`ResNet`].
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
    #[serde(skip)]
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

    /// Creates the model on a device, with weights drawn from the random seed: as in torchvision,
    /// [Kaiming's](Init::Kaiming) for convolutions and PyTorch's for a linear head.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a stage has no blocks or too many, a width is 0 or too large, or the
    /// head is invalid.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<ResNet> {
        let model = self.init_lazily(device, seed.into())?;
        draw(&model);
        Ok(model)
    }

    /// Creates the model, whose weights are drawn when they are first used.
    pub(super) fn init_lazily(&self, device: &Device, seed: Seed) -> Result<ResNet> {
        for blocks in self.blocks {
            if !(1..=MOST_BLOCKS).contains(&blocks) {
                let expected = format!("1 to {MOST_BLOCKS}");
                return Err(Error::setting("blocks of a stage", blocks, expected));
            }
        }
        let mut maker = LayerMaker::new(device, seed);
        let width = self.widths[0];
        let (kernel, stride) = match self.stem {
            Stem::Standard => (7, 2),
            Stem::Small => (3, 1),
        };
        let conv1 = maker.conv(Init::Kaiming, [self.channels, width], kernel, stride)?;
        let bn1 = maker.norm(width)?;
        let mut channels = width;
        let mut stage = |index: usize| -> Result<Vec<Block>> {
            let mut made = Vec::new();
            for block in 0..self.blocks[index] {
                let stride = if index > 0 && block == 0 { 2 } else { 1 };
                let width = self.widths[index];
                let block = Block::new(self, &mut maker, channels, width, stride)?;
                channels = self.block.outputs(width);
                made.push(block);
            }
            Ok(made)
        };
        let [layer1, layer2, layer3, layer4] = [stage(0)?, stage(1)?, stage(2)?, stage(3)?];
        let head = self.head.make(&mut maker, channels, self.outputs)?;
        let config = Self { zero_init: false, ..self.clone() };
        Ok(ResNet { conv1, bn1, layer1, layer2, layer3, layer4, head, config })
    }
}
