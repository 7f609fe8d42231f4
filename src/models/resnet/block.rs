//! The blocks of residual networks.

use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::config::{BlockKind, ResNetConfig};
use crate::error::Result;
use crate::layers::{
    Epilogue, FullPrecision, Init, LayerMaker, conv2d, conv2d_norm, is_observed, observe, relu,
};

/// A residual block: convolutions and norms, added to the input.
#[derive(Module, Debug)]
pub(super) struct Block {
    conv1: Conv2d,
    bn1: FullPrecision<BatchNorm>,
    conv2: Conv2d,
    bn2: FullPrecision<BatchNorm>,
    /// The third convolution of a bottleneck.
    conv3: Option<Conv2d>,
    bn3: Option<FullPrecision<BatchNorm>>,
    /// Fits the input to the output if their shapes differ.
    downsample: Option<Downsample>,
}

/// A convolution of 1×1 and a norm.
#[derive(Module, Debug)]
struct Downsample {
    conv: Conv2d,
    norm: FullPrecision<BatchNorm>,
}

impl Block {
    pub fn new(
        config: &ResNetConfig,
        maker: &mut LayerMaker<'_>,
        inputs: usize,
        width: usize,
        stride: usize,
    ) -> Result<Self> {
        let outputs = config.block.outputs(width);
        let mut conv =
            |channels, kernel, stride| maker.conv(Init::Kaiming, channels, kernel, stride);
        let (conv1, conv2, conv3) = match config.block {
            BlockKind::Basic => {
                (conv([inputs, width], 3, stride)?, conv([width, width], 3, 1)?, None)
            }
            BlockKind::Bottleneck => (
                conv([inputs, width], 1, 1)?,
                conv([width, width], 3, stride)?,
                Some(conv([width, outputs], 1, 1)?),
            ),
        };
        let downsample = match stride != 1 || inputs != outputs {
            true => Some(Downsample {
                conv: conv([inputs, outputs], 1, stride)?,
                norm: maker.norm(outputs)?,
            }),
            false => None,
        };
        let last = |channels| match config.zero_init {
            true => maker.norm_of(channels, [0.0, 0.0]),
            false => maker.norm(channels),
        };
        let (bn2, bn3) = match config.block {
            BlockKind::Basic => (last(width)?, None),
            BlockKind::Bottleneck => (maker.norm(width)?, Some(last(outputs)?)),
        };
        Ok(Self { conv1, bn1: maker.norm(width)?, conv2, bn2, conv3, bn3, downsample })
    }

    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = applied_with_relu(("conv1", &self.conv1), ("bn1", &self.bn1), input.clone());
        let (conv2, bn2) = (("conv2", &self.conv2), ("bn2", &self.bn2));
        let (x, conv, norm) = match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                (applied_with_relu(conv2, bn2, x), ("conv3", conv3), ("bn3", bn3))
            }
            _ => (x, conv2, bn2),
        };
        let residual = || match &self.downsample {
            Some(Downsample { conv, norm }) => {
                applied(("downsample.conv", conv), ("downsample.norm", norm), input)
            }
            None => input,
        };
        if is_observed() {
            relu(applied(conv, norm, x) + residual())
        } else {
            conv2d_norm(conv.1, norm.1, x, Epilogue::AddRelu(residual()))
        }
    }
}

type Named<'a, T> = (&'a str, &'a T);

/// Applies a convolution, a norm and ReLU, and reports the outputs of the former two under their
/// names.
pub(super) fn applied_with_relu(
    conv: Named<'_, Conv2d>,
    norm: Named<'_, FullPrecision<BatchNorm>>,
    input: Tensor<4>,
) -> Tensor<4> {
    if is_observed() {
        relu(applied(conv, norm, input))
    } else {
        conv2d_norm(conv.1, norm.1, input, Epilogue::Relu)
    }
}

/// Applies a convolution and a norm, and reports the outputs of both.
fn applied(
    conv: Named<'_, Conv2d>,
    norm: Named<'_, FullPrecision<BatchNorm>>,
    input: Tensor<4>,
) -> Tensor<4> {
    if !is_observed() {
        return conv2d_norm(conv.1, norm.1, input, Epilogue::None);
    }
    let x = conv2d(conv.1, input);
    observe(conv.0, &x);
    let x = norm.1.forward(x);
    observe(norm.0, &x);
    x
}
