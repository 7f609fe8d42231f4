//! Pooling.

use burn::tensor::Tensor;
use burn::tensor::ops::MaxPoolOptions;
use fastburn_kernels::{global_avg_pool2d, global_max_pool2d, max_pool2d};
use serde::{Deserialize, Serialize};

/// Global pooling: from feature maps of any size to a row of features.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The mean of each channel.
    #[default]
    Average,
    /// The maximum of each channel, then the mean of each: fastai's `AdaptiveConcatPool2d`.
    Concat,
}

impl Pooling {
    /// Pools feature maps `[batch, channels, height, width]` to `[batch, features]`.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use fastburn::layers::Pooling;
    ///
    /// let device = fastburn::device::cpu()?;
    /// let maps = Tensor::<4>::from_floats([[[[1.0, 2.0], [3.0, 6.0]]]], &device);
    /// let pooled = Pooling::Concat.forward(maps);
    /// assert_eq!(pooled.into_data().to_vec::<f32>().unwrap(), [6.0, 3.0]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn forward(self, maps: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Average => global_avg_pool2d(maps),
            Self::Concat => {
                Tensor::cat(vec![global_max_pool2d(maps.clone()), global_avg_pool2d(maps)], 1)
            }
        }
    }

    /// Returns the number of features that pooling `channels` channels gives.
    pub fn features(self, channels: usize) -> usize {
        match self {
            Self::Average => channels,
            Self::Concat => channels.saturating_mul(2),
        }
    }
}

/// Applies max pooling with square windows to `[batch, channels, height, width]`. Padding counts as
/// less than any value.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::layers::max_pool;
///
/// let device = fastburn::device::cpu()?;
/// let maps = Tensor::<4>::from_data([[[[1.0, 2.0], [3.0, 4.0]]]], &device);
/// assert_eq!(max_pool(maps, 2, 2, 0).into_scalar::<f32>(), 4.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Panics
///
/// If the window does not fit the padded input.
pub fn max_pool(input: Tensor<4>, window: usize, stride: usize, padding: usize) -> Tensor<4> {
    let options =
        MaxPoolOptions::new([window; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
    max_pool2d(input, options)
}
