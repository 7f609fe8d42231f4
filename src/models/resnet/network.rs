//! Residual networks.

use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::block::{Block, applied_with_relu};
use super::config::ResNetConfig;
use crate::draw::draw;
use crate::error::{Error, Result};
use crate::layers::{FullPrecision, Head, Init, LayerMaker, max_pool, observe_part};
use crate::models::exportable::Exportable;
use crate::models::input::{check_channels, image_shape};
use crate::models::model::{LayerGroup, Model};
use crate::models::options::{ModelOption, ModelOptions, Stem};
use crate::models::preset::Preset;
use crate::models::weights::TorchNames;
use crate::seed::Seed;

/// The most blocks of a stage.
const MOST_BLOCKS: usize = 1000;
/// Images with a shorter side have the small stem by default.
const SMALL_BELOW: usize = 64;
/// A residual network for images of any size (He et al. 2015): a stem, four stages of blocks, and a
/// head.
///
/// It reports each convolution, norm and linear layer to [`observe`](crate::layers::observe), by
/// its path, such as `layer1.0.conv1`.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: FullPrecision<BatchNorm>,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    head: Head,
    #[module(skip)]
    config: ResNetConfig,
}

impl ResNetConfig {
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
    fn init_lazily(&self, device: &Device, seed: Seed) -> Result<ResNet> {
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
        // How it began is of no use to a trained model, and not a part of its model file.
        let config = Self { zero_init: false, ..self.clone() };
        Ok(ResNet { conv1, bn1, layer1, layer2, layer3, layer4, head, config })
    }
}

impl ResNet {
    /// Returns the feature maps of images `[batch, channels, height, width]`, before the head:
    /// `[batch, features, rows, columns]`.
    ///
    /// With them, a model of your own can have another head:
    ///
    /// ```
    /// use burn::nn::Linear;
    /// use burn::tensor::Tensor;
    /// use fastburn::layers::Pooling;
    /// use fastburn::models::ResNet;
    /// use fastburn::prelude::*;
    ///
    /// #[derive(Module, Debug)]
    /// struct AgeAndHeight {
    ///     body: ResNet,
    ///     age: Linear,
    ///     height: Linear,
    /// }
    ///
    /// impl Model<Tensor<4>> for AgeAndHeight {
    ///     type Output = (Tensor<2>, Tensor<2>);
    ///
    ///     fn forward(&self, photos: Tensor<4>) -> Self::Output {
    ///         let features = Pooling::Average.forward(self.body.features(photos));
    ///         (self.age.forward(features.clone()), self.height.forward(features))
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the number of channels is another one.
    pub fn features(&self, images: Tensor<4>) -> Tensor<4> {
        let mut x = applied_with_relu(("conv1", &self.conv1), ("bn1", &self.bn1), images);
        if self.config.stem == Stem::Standard {
            x = max_pool(x, 3, 2, 1);
        }
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        for (stage, blocks) in (1..).zip(stages) {
            for (index, block) in blocks.iter().enumerate() {
                x = observe_part(&format!("layer{stage}.{index}"), || block.forward(x));
            }
        }
        x
    }
}

impl Model<Tensor<4>> for ResNet {
    type Output = Tensor<2>;

    /// Maps images `[batch, channels, height, width]` to `[batch, outputs]`.
    ///
    /// # Panics
    ///
    /// If the number of channels is another one.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_with_maps(images, &mut |maps| maps)
    }

    fn forward_with_maps(
        &self,
        images: Tensor<4>,
        change: &mut dyn FnMut(Tensor<4>) -> Tensor<4>,
    ) -> Tensor<2> {
        let maps = change(self.features(images));
        observe_part("head", || self.head.forward(maps))
    }

    /// Returns fastai's groups: `stem` up to `layer2`, `body` with `layer3` and `layer4`, and
    /// `head`.
    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![
            LayerGroup::new("stem", ["conv1", "bn1", "layer1", "layer2"]),
            LayerGroup::new("body", ["layer3", "layer4"]),
            LayerGroup::new("head", ["head"]),
        ]
    }
}

/// The names of torchvision's `ResNet`. A head other than a linear layer is its `fc`: a
/// `Sequential` of norms, dropouts, linear layers and ReLUs.
impl TorchNames for ResNet {
    fn torch_path(&self, path: &str) -> String {
        if let Some(part) = path.strip_prefix("head.") {
            return self.config.head.torch_path("fc", part);
        }
        match path.split_once("downsample.") {
            Some((block, "conv")) => format!("{block}downsample.0"),
            Some((block, "norm")) => format!("{block}downsample.1"),
            _ => path.to_owned(),
        }
    }
}

impl Exportable for ResNet {
    const KIND: &'static str = "resnet";
    type Config = ResNetConfig;

    fn config(&self) -> ResNetConfig {
        self.config.clone()
    }

    fn from_config(config: &ResNetConfig, device: &Device, seed: Seed) -> Result<Self> {
        config.init_lazily(device, seed)
    }

    fn outputs(config: &ResNetConfig) -> usize {
        config.outputs
    }

    fn with_outputs(config: ResNetConfig, outputs: usize) -> ResNetConfig {
        ResNetConfig { outputs, ..config }
    }

    fn check_input(config: &ResNetConfig, shape: &[usize]) -> Result<(), String> {
        check_channels(config.channels, shape)
    }

    /// Returns torchvision's name, and what differs from it.
    fn describe(config: &ResNetConfig) -> String {
        let usual = [
            ("resnet18", ResNetConfig::resnet18(3, 1)),
            ("resnet34", ResNetConfig::resnet34(3, 1)),
            ("resnet50", ResNetConfig::resnet50(3, 1)),
        ];
        let named = usual
            .iter()
            .find(|(_, usual)| (usual.block, usual.blocks) == (config.block, config.blocks));
        let mut text = match named {
            Some((name, _)) => (*name).to_owned(),
            None => {
                format!("resnet of {:?} {:?} blocks", config.blocks, config.block).to_lowercase()
            }
        };
        if config.widths != usual[0].1.widths {
            text.push_str(&format!(" of widths {:?}", config.widths));
        }
        if config.stem == Stem::Small {
            text.push_str(" with the small stem");
        }
        text
    }

    fn presets() -> Vec<Preset<Self::Config>> {
        let presets = [
            Preset::new("resnet18", "torchvision's ResNet-18", |shape, outputs, options| {
                configure(ResNetConfig::resnet18(3, outputs), shape, options)
            }),
            Preset::new("resnet34", "torchvision's ResNet-34", |shape, outputs, options| {
                configure(ResNetConfig::resnet34(3, outputs), shape, options)
            }),
            Preset::new("resnet50", "torchvision's ResNet-50", |shape, outputs, options| {
                configure(ResNetConfig::resnet50(3, outputs), shape, options)
            }),
        ];
        presets.map(|preset| preset.with_lr(3e-3).uses(&OPTIONS)).into()
    }
}

/// The options that [`configure`] applies.
const OPTIONS: [ModelOption; 4] =
    [ModelOption::Widths, ModelOption::Stem, ModelOption::Head, ModelOption::ZeroInit];

/// Fits a configuration to images of shape `[channels, height, width]` and to options.
fn configure(
    config: ResNetConfig,
    shape: &[usize],
    options: &ModelOptions,
) -> Result<ResNetConfig> {
    let [channels, height, width] = image_shape(shape)?;
    let widths = match options.widths.as_slice() {
        [] => config.widths,
        widths => widths.try_into().map_err(|_| {
            Error::setting("number of widths", widths.len(), "4, one for each stage of a resnet")
        })?,
    };
    let stem = if height.min(width) < SMALL_BELOW { Stem::Small } else { Stem::Standard };
    Ok(ResNetConfig {
        channels,
        widths,
        stem: options.stem.unwrap_or(stem),
        head: options.head.clone().unwrap_or(config.head),
        zero_init: options.zero_init,
        ..config
    })
}
