//! Heads: from the feature maps of a body to outputs.

use burn::module::Module;
use burn::nn::{BatchNorm, Dropout, Linear};
use burn::tensor::{Device, Tensor};
use fastburn_kernels::relu;
use serde::{Deserialize, Serialize};

use super::full_precision::FullPrecision;
use super::init::Init;
use super::linear::linear;
use super::maker::LayerMaker;
use super::observe::observe;
use super::pool::Pooling;
use crate::checks;
use crate::draw::draw;
use crate::error::{Error, Result};
use crate::seed::Seed;

/// The most hidden layers of a head.
const MOST_HIDDEN: usize = 100;
/// The initial weight and bias of a head's norms, as in fastai's `BatchNorm`.
const NORM_INIT: [f32; 2] = [1.0, 1e-3];

/// The layers of a [`Head`].
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::layers::HeadConfig;
///
/// let device = fastburn::device::cpu()?;
/// let head = HeadConfig::fastai().init(512, 10, &device, 42)?;
/// assert_eq!(fastburn::models::count_parameters(&head), 532_480);
/// let outputs = head.forward(Tensor::zeros([4, 512, 7, 7], &device));
/// assert_eq!(outputs.dims(), [4, 10]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadConfig {
    /// The global pooling of the feature maps.
    pub pooling: Pooling,
    /// The widths of the hidden layers, each followed by ReLU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<usize>,
    /// Whether each linear layer follows a batch norm and then has no bias.
    #[serde(default)]
    pub norm: bool,
    /// The dropout before the last linear layer. Before each other one it is half of that.
    #[serde(default)]
    pub dropout: f64,
}

impl HeadConfig {
    /// Creates the head of torchvision's ResNets: average pooling and one linear layer.
    pub fn linear() -> Self {
        Self { pooling: Pooling::Average, hidden: Vec::new(), norm: false, dropout: 0.0 }
    }

    /// Creates the head of fastai's `vision_learner` (`create_head`): both poolings, then twice a
    /// batch norm, dropout of 0.25 and 0.5, and a linear layer, with 512 hidden units between.
    pub fn fastai() -> Self {
        Self { pooling: Pooling::Concat, hidden: vec![512], norm: true, dropout: 0.5 }
    }

    /// Creates the head for feature maps of `channels` channels, with weights drawn from the random
    /// seed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a width is 0 or too large, or the dropout is not in `[0, 1)`.
    pub fn init(
        &self,
        channels: usize,
        outputs: usize,
        device: &Device,
        seed: impl Into<Seed>,
    ) -> Result<Head> {
        let head = self.make(&mut LayerMaker::new(device, seed.into()), channels, outputs)?;
        draw(&head);
        Ok(head)
    }

    /// Makes the head, whose weights are drawn when they are first used.
    pub(crate) fn make(
        &self,
        maker: &mut LayerMaker<'_>,
        channels: usize,
        outputs: usize,
    ) -> Result<Head> {
        checks::below_one("dropout of a head", self.dropout)?;
        if self.hidden.len() > MOST_HIDDEN {
            let expected = format!("at most {MOST_HIDDEN}");
            return Err(Error::setting("hidden layers of a head", self.hidden.len(), expected));
        }
        let mut widths = vec![self.pooling.features(channels)];
        widths.extend(&self.hidden);
        widths.push(outputs);
        let is_linear = self.is_linear();
        let block = |(index, widths): (usize, &[usize])| {
            let is_last = index == self.hidden.len();
            let dropout = if is_last { self.dropout } else { self.dropout / 2.0 };
            let ends = [widths[0], widths[1]];
            Ok(HeadBlock {
                norm: match self.norm {
                    true => Some(maker.norm_of(widths[0], NORM_INIT)?),
                    false => None,
                },
                dropout: maker.dropout(dropout)?,
                linear: match (is_linear, self.norm) {
                    (true, _) => maker.linear(Init::PyTorch, ends)?,
                    (_, false) => maker.linear(Init::Kaiming, ends)?,
                    (_, true) => maker.linear_without_bias(Init::Kaiming, ends)?,
                },
            })
        };
        let blocks = widths.windows(2).enumerate().map(block).collect::<Result<_>>()?;
        Ok(Head { blocks, config: self.clone() })
    }

    /// Returns whether it is a single linear layer after pooling.
    fn is_linear(&self) -> bool {
        self.hidden.is_empty() && !self.norm && self.dropout == 0.0
    }

    /// Returns PyTorch's path for the part of a head at `path`, if the head is called `name` there:
    /// a single linear layer itself, otherwise a `Sequential` of norms, dropouts, linear layers and
    /// ReLUs.
    pub(crate) fn torch_path(&self, name: &str, path: &str) -> String {
        let parts: Vec<_> = path.split('.').collect();
        let [_, block, part] = parts.as_slice() else { return name.to_owned() };
        if self.is_linear() {
            return name.to_owned();
        }
        let block = block.parse().unwrap_or(0);
        let [norm, dropout] = [self.norm, self.dropout > 0.0].map(usize::from);
        // The last number is of the linear layer and its ReLU.
        let first = block * (norm + dropout + 2);
        match *part {
            "norm" => format!("{name}.{first}"),
            _ => format!("{name}.{}", first + norm + dropout),
        }
    }
}

/// The last layers of a model: global pooling, so that images of any size fit, and linear layers.
///
/// It reports each linear layer to [`observe`], as `blocks.0.linear` and so on.
#[derive(Module, Debug)]
pub struct Head {
    blocks: Vec<HeadBlock>,
    #[module(skip)]
    config: HeadConfig,
}

/// A linear layer, and what comes before it.
#[derive(Module, Debug)]
struct HeadBlock {
    norm: Option<FullPrecision<BatchNorm>>,
    dropout: Dropout,
    linear: Linear,
}

impl Head {
    /// Maps feature maps `[batch, channels, height, width]` to `[batch, outputs]`.
    ///
    /// # Panics
    ///
    /// If the number of channels is another one.
    pub fn forward(&self, maps: Tensor<4>) -> Tensor<2> {
        let mut x = self.config.pooling.forward(maps);
        for (index, block) in self.blocks.iter().enumerate() {
            if let Some(norm) = &block.norm {
                x = norm.forward(x);
                observe(format_args!("blocks.{index}.norm"), &x);
            }
            x = linear(&block.linear, block.dropout.forward(x));
            if index + 1 < self.blocks.len() {
                x = relu(x);
            }
            observe(format_args!("blocks.{index}.linear"), &x);
        }
        x
    }

    /// Returns the configuration of the head.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }
}
