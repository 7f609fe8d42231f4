//! Small convolutional networks.

use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::exportable::Exportable;
use super::input::{check_channels, image_shape};
use super::model::{LayerGroup, Model};
use super::options::{ModelOption, ModelOptions, Shrinking};
use super::preset::Preset;
use super::weights::TorchNames;
use crate::draw::draw;
use crate::error::{Error, Result};
use crate::layers::{
    Epilogue, FullPrecision, Head, HeadConfig, Init, LayerMaker, Pooling, conv2d, conv2d_norm,
    is_observed, max_pool, observe, observe_part,
};
use crate::seed::Seed;

/// The most blocks of a network.
const MOST_BLOCKS: usize = 1000;
/// The side of every kernel after the first one.
const KERNEL: usize = 3;
/// The largest first kernel.
const LARGEST_KERNEL: usize = 101;

/// The configuration of a [`ConvNet`].
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::models::{ConvNetConfig, Model};
///
/// let device = fastburn::device::cpu()?;
/// let model = ConvNetConfig::new(1, [16, 32, 64], 10).init(&device, 42)?;
/// assert_eq!(model.forward(Tensor::zeros([2, 1, 28, 28], &device)).dims(), [2, 10]);
/// assert_eq!(model.forward(Tensor::zeros([2, 1, 40, 60], &device)).dims(), [2, 10]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConvNetConfig {
    /// The channels of the images: 1 for grey, 3 for colour.
    pub channels: usize,
    /// The channels of each block.
    pub widths: Vec<usize>,
    /// The side of the first kernel in pixels; the others have 3. An odd number.
    pub kernel: usize,
    /// How every block but the last halves the size.
    #[serde(default)]
    pub shrinking: Shrinking,
    /// The head.
    pub head: HeadConfig,
    /// The number of outputs.
    pub outputs: usize,
    /// The initialisation of the convolutions.
    #[serde(default, skip_serializing_if = "Init::is_default")]
    pub init: Init,
}

impl ConvNetConfig {
    /// Creates a configuration with a first kernel of 5×5, strides, and a head of both poolings and
    /// one linear layer.
    pub fn new(channels: usize, widths: impl Into<Vec<usize>>, outputs: usize) -> Self {
        Self {
            channels,
            widths: widths.into(),
            kernel: 5,
            shrinking: Shrinking::default(),
            head: HeadConfig { pooling: Pooling::Concat, ..HeadConfig::linear() },
            outputs,
            init: Init::default(),
        }
    }

    /// Sets the side of the first kernel (default: 5).
    pub fn with_kernel(mut self, side: usize) -> Self {
        self.kernel = side;
        self
    }

    /// Sets how blocks halve the size (default: by strides).
    pub fn with_shrinking(mut self, shrinking: Shrinking) -> Self {
        self.shrinking = shrinking;
        self
    }

    /// Sets the head.
    pub fn with_head(mut self, head: HeadConfig) -> Self {
        self.head = head;
        self
    }

    /// Sets the initialisation of the convolutions (default: PyTorch's).
    pub fn with_init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Creates the model on a device, with weights drawn from the random seed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are no widths or too many, one is 0 or too large, the first
    /// kernel is even or too large, or the head is invalid.
    pub fn init(&self, device: &Device, seed: impl Into<Seed>) -> Result<ConvNet> {
        let model = self.init_lazily(device, seed.into())?;
        draw(&model);
        Ok(model)
    }

    /// Creates the model, whose weights are drawn when they are first used.
    fn init_lazily(&self, device: &Device, seed: Seed) -> Result<ConvNet> {
        if !(1..=MOST_BLOCKS).contains(&self.widths.len()) {
            let expected = format!("1 to {MOST_BLOCKS}");
            return Err(Error::setting("number of blocks", self.widths.len(), expected));
        }
        if self.kernel.is_multiple_of(2) || self.kernel > LARGEST_KERNEL {
            let expected = format!("an odd number, at most {LARGEST_KERNEL}");
            return Err(Error::setting("first kernel", self.kernel, expected));
        }
        let mut maker = LayerMaker::new(device, seed);
        let mut blocks = Vec::new();
        let mut channels = self.channels;
        for (index, &width) in self.widths.iter().enumerate() {
            let kernel = if index == 0 { self.kernel } else { KERNEL };
            let shrinks = index + 1 < self.widths.len();
            let has_stride = shrinks && self.shrinking == Shrinking::Stride;
            let stride = if has_stride { 2 } else { 1 };
            blocks.push(ConvBlock {
                conv: maker.conv(self.init, [channels, width], kernel, stride)?,
                norm: maker.norm(width)?,
                pools: shrinks && !has_stride,
            });
            channels = width;
        }
        let head = self.head.make(&mut maker, channels, self.outputs)?;
        Ok(ConvNet { blocks, head, config: Self { init: Init::default(), ..self.clone() } })
    }
}

/// A convolutional network for images of any size: blocks of a convolution, a batch norm and ReLU,
/// each but the last of which halves the size, and a head.
///
/// It reports `blocks.0.conv`, `blocks.0.norm` (after ReLU) and so on to [`observe`], and the layers
/// of its head.
#[derive(Module, Debug)]
pub struct ConvNet {
    blocks: Vec<ConvBlock>,
    head: Head,
    #[module(skip)]
    config: ConvNetConfig,
}

/// A convolution, a batch norm, ReLU, and perhaps max pooling.
#[derive(Module, Debug)]
struct ConvBlock {
    conv: Conv2d,
    norm: FullPrecision<BatchNorm>,
    pools: bool,
}

impl ConvBlock {
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = if is_observed() {
            let x = conv2d(&self.conv, input);
            observe("conv", &x);
            self.norm.forward_with(x, Epilogue::Relu)
        } else {
            conv2d_norm(&self.conv, &self.norm, input, Epilogue::Relu)
        };
        observe("norm", &x);
        // A map of one pixel stays as it is.
        let [.., height, width] = x.dims();
        if self.pools && height.min(width) > 1 { max_pool(x, 2, 2, 0) } else { x }
    }
}

impl ConvNet {
    /// Returns the feature maps of images `[batch, channels, height, width]`, before the head:
    /// `[batch, features, rows, columns]`.
    ///
    /// # Panics
    ///
    /// If the number of channels is another one.
    pub fn features(&self, images: Tensor<4>) -> Tensor<4> {
        let mut x = images;
        for (index, block) in self.blocks.iter().enumerate() {
            x = observe_part(&format!("blocks.{index}"), || block.forward(x));
        }
        x
    }
}

impl Model<Tensor<4>> for ConvNet {
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

    /// Returns the blocks as `body`, and the `head`.
    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![LayerGroup::new("body", ["blocks"]), LayerGroup::new("head", ["head"])]
    }
}

/// The names of a PyTorch class with `blocks`, a `Sequential` of `Sequential(Conv2d, BatchNorm2d,
/// …)`, and `head`.
impl TorchNames for ConvNet {
    fn torch_path(&self, path: &str) -> String {
        if let Some(part) = path.strip_prefix("head.") {
            return self.config.head.torch_path("head", part);
        }
        match path.rsplit_once('.') {
            Some((block, "conv")) => format!("{block}.0"),
            Some((block, "norm")) => format!("{block}.1"),
            _ => path.to_owned(),
        }
    }
}

impl Exportable for ConvNet {
    const KIND: &'static str = "convnet";
    type Config = ConvNetConfig;

    /// Returns the configuration, with the default initialisation.
    fn config(&self) -> ConvNetConfig {
        self.config.clone()
    }

    fn from_config(config: &ConvNetConfig, device: &Device, seed: Seed) -> Result<Self> {
        config.init_lazily(device, seed)
    }

    fn outputs(config: &ConvNetConfig) -> usize {
        config.outputs
    }

    fn with_outputs(config: ConvNetConfig, outputs: usize) -> ConvNetConfig {
        ConvNetConfig { outputs, ..config }
    }

    fn check_input(config: &ConvNetConfig, shape: &[usize]) -> Result<(), String> {
        check_channels(config.channels, shape)
    }

    fn describe(config: &ConvNetConfig) -> String {
        let widths: Vec<_> = config.widths.iter().map(usize::to_string).collect();
        format!("convnet {}-{}-{}", config.channels, widths.join("-"), config.outputs)
    }

    fn presets() -> Vec<Preset<Self::Config>> {
        use ModelOption::{Head, Init, Kernel, Shrinking, Widths};
        let preset = Preset::new(Self::KIND, "A small convolutional network", configure);
        vec![preset.with_lr(1e-2).uses(&[Widths, Kernel, Shrinking, Head, Init])]
    }
}

/// Returns the configuration for images of shape `[channels, height, width]`, with these options.
fn configure(shape: &[usize], outputs: usize, options: &ModelOptions) -> Result<ConvNetConfig> {
    let [channels, height, width] = image_shape(shape)?;
    let widths = match options.widths.as_slice() {
        [] => usual_widths(height.min(width)),
        widths => widths.to_vec(),
    };
    let usual = ConvNetConfig::new(channels, widths, outputs);
    Ok(ConvNetConfig {
        kernel: options.kernel.unwrap_or(usual.kernel),
        shrinking: options.shrinking.unwrap_or(usual.shrinking),
        head: options.head.clone().unwrap_or(usual.head),
        init: options.init,
        ..usual
    })
}

/// Returns the widths for images of that shorter side: one more block each time that it doubles, so
/// that the last feature maps have about 7 pixels.
fn usual_widths(side: usize) -> Vec<usize> {
    let blocks = 3 + [41, 81, 161].iter().filter(|&&from| side >= from).count();
    [16, 32, 64, 128, 256, 256][..blocks].to_vec()
}
