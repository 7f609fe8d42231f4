//! The initial weights of layers, drawn on the host.
//!
//! Burn's initialisers use one random number generator per backend, shared by the whole process and
//! different on each backend. Here the numbers come from the run's seed alone: one seed gives the
//! same weights on every device.

use std::mem::take;
use std::sync::{Arc, LazyLock, Mutex};

use burn::module::{Param, ParamId};
use burn::nn::{self, PaddingConfig2d, conv::Conv2d};
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand::distr::{Distribution, Uniform};
use rand_chacha::ChaCha8Rng;
use rand_distr::Normal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::printable::short_number;
use crate::seed::{Seed, Stream};

/// The most weights in one layer, which take 4 GiB. A larger layer is most likely a typing error.
const MOST_WEIGHTS: usize = 1 << 30;

/// The initialisation of a layer's weights and bias. The inputs of a convolution are those of one
/// window: channels × height × width of its kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Weights and bias from U(−1/√inputs, 1/√inputs): PyTorch's default for `nn.Linear` and
    /// `nn.Conv2d`.
    #[default]
    #[serde(rename = "pytorch")]
    #[cfg_attr(feature = "cli", value(name = "pytorch"))]
    PyTorch,
    /// Weights from N(0, 2/inputs), bias 0 (He et al. 2015, for ReLU); of a convolution from N(0,
    /// 2/outputs), as in torchvision's ResNets.
    Kaiming,
    /// Weights and bias from N(0, 1), as in the tutorials.
    Normal,
}

impl Init {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Creates a linear layer from `inputs` to `outputs`. Each number `layer` has its own random
    /// stream.
    pub(crate) fn linear(
        self,
        [inputs, outputs]: [usize; 2],
        bias: bool,
        stream: LayerStream<'_>,
    ) -> Result<nn::Linear> {
        let weights = count("layer", &[inputs, outputs])?;
        let from = self.numbers(inputs, inputs)?;
        let mut rng = stream.rng();
        let draw_both = move || {
            let weight = draw(from, weights, &mut rng);
            let bias = match self {
                Self::Kaiming => vec![0.0; outputs],
                Self::PyTorch | Self::Normal => draw(from, outputs, &mut rng),
            };
            Mutex::new((weight, bias))
        };
        // Drawn when one of them is first used: a model whose weights are loaded, of a size that a
        // file claims, draws none.
        let drawn = Arc::new(LazyLock::new(draw_both));
        let (weight, device) = (drawn.clone(), stream.device);
        Ok(nn::Linear {
            weight: parameter(move || take(&mut lock(&weight).0), [inputs, outputs], device),
            bias: bias.then(|| parameter(move || take(&mut lock(&drawn).1), [outputs], device)),
        })
    }

    /// Creates a convolution without bias, with a square kernel and padding that keeps the size
    /// where the stride is 1 and the kernel odd.
    pub(crate) fn conv(
        self,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        stream: LayerStream<'_>,
    ) -> Result<Conv2d> {
        let weights = count("convolution", &[inputs, outputs, kernel, kernel])?;
        let from = self.numbers(inputs * kernel * kernel, outputs * kernel * kernel)?;
        let mut rng = stream.rng();
        let shape = [outputs, inputs, kernel, kernel];
        let padding = kernel / 2;
        Ok(Conv2d {
            weight: parameter(move || draw(from, weights, &mut rng), shape, stream.device),
            bias: None,
            stride: [stride; 2],
            kernel_size: [kernel; 2],
            dilation: [1; 2],
            groups: 1,
            padding: PaddingConfig2d::Explicit(padding, padding, padding, padding),
        })
    }

    /// Returns the distribution of weights. `fan` is the number that Kaiming's initialisation keeps
    /// the variance over.
    fn numbers(self, inputs: usize, fan: usize) -> Result<Numbers> {
        Ok(match self {
            Self::PyTorch => {
                let bound = 1.0 / (inputs as f32).sqrt();
                let uniform = Uniform::new(-bound, bound)
                    .map_err(|error| Error::setting("layer width", inputs, error.to_string()))?;
                Numbers::Uniform(uniform)
            }
            Self::Kaiming => Numbers::Normal(centred((2.0 / fan as f32).sqrt())?),
            Self::Normal => Numbers::Normal(centred(1.0)?),
        })
    }
}

/// The random stream and the device of one layer of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerStream<'a> {
    pub seed: Seed,
    /// The number of the layer in its model.
    pub layer: u64,
    pub device: &'a Device,
}

impl LayerStream<'_> {
    fn rng(self) -> ChaCha8Rng {
        self.seed.rng(Stream::Weights, self.layer)
    }
}

/// Returns the number of weights of a layer of these sizes, if it is a usual one.
fn count(what: &'static str, sizes: &[usize]) -> Result<usize> {
    let all = sizes.iter().try_fold(1, |product: usize, &size| product.checked_mul(size));
    match all.filter(|&weights| weights <= MOST_WEIGHTS) {
        Some(0) => Err(Error::setting("layer width", 0, "at least 1")),
        Some(weights) => Ok(weights),
        None => {
            let shape = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
            let expected = format!("at most {MOST_WEIGHTS} weights in a {what}");
            let error = Error::setting("layer size", shape, expected);
            Err(error.with_remedy("choose a smaller width".into()))
        }
    }
}

/// A distribution of initial weights.
#[derive(Debug, Clone, Copy)]
enum Numbers {
    Uniform(Uniform<f32>),
    Normal(Normal<f32>),
}

impl Distribution<f32> for Numbers {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f32 {
        match self {
            Self::Uniform(uniform) => uniform.sample(rng),
            Self::Normal(normal) => normal.sample(rng),
        }
    }
}

fn centred(deviation: f32) -> Result<Normal<f32>> {
    Normal::new(0.0, deviation).map_err(|error| {
        Error::setting(
            "standard deviation of the initial weights",
            short_number(deviation.into()),
            error.to_string(),
        )
    })
}

fn draw(from: impl Distribution<f32>, count: usize, rng: &mut impl Rng) -> Vec<f32> {
    from.sample_iter(rng).take(count).collect()
}

fn parameter<const D: usize>(
    values: impl FnOnce() -> Vec<f32> + Send + Sync + 'static,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    let init = move |device: &Device, require_grad| {
        let data = TensorData::new(values(), shape);
        device.memory_persistent_allocations(data, |data| {
            Tensor::from_data(data, device).set_require_grad(require_grad)
        })
    };
    Param::uninitialized(ParamId::new(), init, device.clone(), true, shape.into())
}
