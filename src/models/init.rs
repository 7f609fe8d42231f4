//! The initial weights of a layer, drawn on the host.
//!
//! Burn's initialisers use one random number generator per backend, shared by the whole process and
//! different on each backend. Here the numbers come from the run's seed alone: one seed gives the
//! same weights on every device.

use std::mem::take;
use std::sync::{Arc, LazyLock, Mutex};

use burn::module::{Param, ParamId};
use burn::nn;
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand::distr::{Distribution, Uniform};
use rand_distr::Normal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::printable::short_number;
use crate::seed::{Seed, Stream};

/// The most weights in one layer, which take 4 GiB. A larger layer is most likely a typing error.
const MOST_WEIGHTS: usize = 1 << 30;

/// The initialisation of a layer's weights and bias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Weights and bias from U(−1/√inputs, 1/√inputs): PyTorch's default for `nn.Linear`.
    #[default]
    #[serde(rename = "pytorch")]
    #[cfg_attr(feature = "cli", value(name = "pytorch"))]
    PyTorch,
    /// Weights from N(0, 2/inputs), bias 0 (He et al. 2015, for ReLU).
    Kaiming,
    /// Weights and bias from N(0, 1), as in the tutorials.
    Normal,
}

impl Init {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Creates a layer from `inputs` to `outputs`. Each number `layer` has its own random stream.
    pub(super) fn layer(
        self,
        [inputs, outputs]: [usize; 2],
        seed: Seed,
        layer: u64,
        device: &Device,
    ) -> Result<nn::Linear> {
        if inputs == 0 || outputs == 0 {
            return Err(Error::setting("layer width", 0, "at least 1"));
        }
        if inputs.checked_mul(outputs).is_none_or(|weights| weights > MOST_WEIGHTS) {
            let shape = format!("{inputs}×{outputs}");
            let expected = format!("at most {MOST_WEIGHTS} weights");
            let error = Error::setting("layer size", shape, expected);
            return Err(error.with_remedy("choose a smaller width".into()));
        }
        let mut rng = seed.rng(Stream::Weights, layer);
        let (fan_in, weights) = (inputs as f32, inputs * outputs);
        let draw_both: Box<dyn FnOnce() -> Drawn + Send> = match self {
            Self::PyTorch => {
                let bound = 1.0 / fan_in.sqrt();
                let uniform = Uniform::new(-bound, bound)
                    .map_err(|error| Error::setting("layer width", inputs, error.to_string()))?;
                Box::new(move || {
                    (draw(uniform, weights, &mut rng), draw(uniform, outputs, &mut rng))
                })
            }
            Self::Kaiming => {
                let normal = centred((2.0 / fan_in).sqrt())?;
                Box::new(move || (draw(normal, weights, &mut rng), vec![0.0; outputs]))
            }
            Self::Normal => {
                let normal = centred(1.0)?;
                Box::new(move || (draw(normal, weights, &mut rng), draw(normal, outputs, &mut rng)))
            }
        };
        // Drawn when one of them is first used: a model whose weights are loaded, of a size that a
        // file claims, draws none.
        let drawn = Arc::new(LazyLock::new(move || Mutex::new(draw_both())));
        let weight = drawn.clone();
        Ok(nn::Linear {
            weight: parameter(move || take(&mut lock(&weight).0), [inputs, outputs], device),
            bias: Some(parameter(move || take(&mut lock(&drawn).1), [outputs], device)),
        })
    }
}

/// The values of a layer's weight and bias.
type Drawn = (Vec<f32>, Vec<f32>);

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
