//! The layers of a model, made one after another.

use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::full_precision::FullPrecision;
use super::init::{Init, LayerStream};
use crate::checks;
use crate::error::{Error, Result};
use crate::seed::Seed;

/// The most channels of a norm: its running statistics are allocated at once, and a model file may
/// claim any number.
const MOST_CHANNELS: usize = 1 << 20;

/// Makes the layers of a model one after another. Each has its own random stream, by its number, so
/// a seed gives the same weights on every device.
pub(crate) struct LayerMaker<'a> {
    seed: Seed,
    device: &'a Device,
    /// The number of layers so far.
    made: u64,
}

impl<'a> LayerMaker<'a> {
    pub fn new(device: &'a Device, seed: Seed) -> Self {
        Self { seed, device, made: 0 }
    }

    /// Makes a linear layer with a bias.
    pub fn linear(&mut self, init: Init, widths: [usize; 2]) -> Result<Linear> {
        init.linear(widths, true, self.stream())
    }

    /// Makes a linear layer without a bias.
    pub fn linear_without_bias(&mut self, init: Init, widths: [usize; 2]) -> Result<Linear> {
        init.linear(widths, false, self.stream())
    }

    /// Makes a convolution without a bias, from and to numbers of channels.
    pub fn conv(
        &mut self,
        init: Init,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Result<Conv2d> {
        init.conv(channels, kernel, stride, self.stream())
    }

    /// Makes a batch norm with weight 1 and bias 0.
    pub fn norm(&self, channels: usize) -> Result<FullPrecision<BatchNorm>> {
        if !(1..=MOST_CHANNELS).contains(&channels) {
            let expected = format!("1 to {MOST_CHANNELS}");
            return Err(Error::setting("number of channels", channels, expected));
        }
        Ok(BatchNormConfig::new(channels).init(self.device).into())
    }

    /// Makes a batch norm with a given weight and bias for all channels.
    pub fn norm_of(
        &self,
        channels: usize,
        [weight, bias]: [f32; 2],
    ) -> Result<FullPrecision<BatchNorm>> {
        let mut norm = self.norm(channels)?;
        let all = |value: f32| Tensor::full([channels], value, self.device);
        norm.gamma = burn::module::Param::from_tensor(all(weight));
        norm.beta = burn::module::Param::from_tensor(all(bias));
        Ok(norm)
    }

    /// Makes a dropout layer.
    pub fn dropout(&self, probability: f64) -> Result<Dropout> {
        checks::below_one("dropout", probability)?;
        Ok(DropoutConfig::new(probability).init())
    }

    fn stream(&mut self) -> LayerStream<'a> {
        let layer = self.made;
        self.made += 1;
        LayerStream { seed: self.seed, layer, device: self.device }
    }
}
