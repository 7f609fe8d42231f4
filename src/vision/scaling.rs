//! The scaling of pixels to a model's inputs.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The scaling of a pixel, 0 to 255, to a model's input.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Divides by 255, which gives values in [0, 1].
    #[default]
    Unit,
    /// Divides by 255, subtracts the channel's mean and divides by its standard deviation, like
    /// fastai's `Normalize`. Both are those of values in [0, 1].
    Standard {
        /// The mean of each channel.
        mean: Vec<f32>,
        /// The standard deviation of each channel, above 0.
        std: Vec<f32>,
    },
}

impl Scaling {
    /// Returns the scaling of colour images by the mean and standard deviation of ImageNet, which
    /// most pretrained networks expect.
    ///
    /// ```
    /// let images = fastburn::vision::Scaling::imagenet();
    /// assert_eq!(
    ///     images.to_string(),
    ///     "normalised with mean 0.4850, 0.4560, 0.4060 and std 0.2290, 0.2240, 0.2250"
    /// );
    /// ```
    pub fn imagenet() -> Self {
        Self::Standard { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225] }
    }

    /// Checks that it can scale images of `channels` channels, or returns what is expected.
    pub(super) fn check(&self, channels: usize) -> Result<(), String> {
        let Self::Standard { mean, std } = self else { return Ok(()) };
        let works = |std: &f32| std.is_finite() && *std > 0.0;
        if mean.len() == channels
            && std.len() == channels
            && mean.iter().all(|mean| mean.is_finite())
            && std.iter().all(works)
        {
            Ok(())
        } else {
            Err(format!(
                "a finite mean and a standard deviation above 0 per channel ({channels}), \
                 found {mean:?} and {std:?}"
            ))
        }
    }

    /// Returns the runs of pixels with the same scaling, each with its mean and deviation, if any.
    #[inline(always)]
    fn planes<'a>(
        &'a self,
        pixels: &'a [u8],
        channels: usize,
    ) -> impl Iterator<Item = (&'a [u8], Option<(f32, f32)>)> {
        let (length, moments) = match self {
            Self::Unit => (pixels.len(), None),
            Self::Standard { mean, std } => (pixels.len() / channels.max(1), Some((mean, std))),
        };
        let of =
            move |channel| moments.map(|(mean, std): (&Vec<f32>, _)| (mean[channel], std[channel]));
        pixels.chunks_exact(length.max(1)).enumerate().map(move |(index, plane)| (plane, of(index)))
    }

    /// Appends the scaled values of an image with `channels` channels.
    #[inline(always)]
    pub(super) fn extend(&self, out: &mut Vec<f32>, pixels: &[u8], channels: usize) {
        // Through `planes` the compiler avoids the widest vectors: 15 ms more per epoch of MNIST.
        if let Self::Unit = self {
            out.extend(pixels.iter().map(|&pixel| unit(pixel)));
            return;
        }
        for (plane, moments) in self.planes(pixels, channels) {
            match moments {
                None => out.extend(plane.iter().map(|&pixel| unit(pixel))),
                Some((mean, std)) => out.extend(plane.iter().map(|&p| (unit(p) - mean) / std)),
            }
        }
    }

    /// Scales the values of an image with `channels` channels, which are in [0, 1].
    pub(super) fn scale_unit(&self, values: &mut [f32], channels: usize) {
        let Self::Standard { mean, std } = self else { return };
        let plane = (values.len() / channels.max(1)).max(1);
        for ((plane, mean), std) in values.chunks_exact_mut(plane).zip(mean).zip(std) {
            plane.iter_mut().for_each(|value| *value = (*value - mean) / std);
        }
    }

    /// Scales values in [0, 1] of images `[batch, channels, height, width]`.
    pub(super) fn scale_batch(&self, images: Tensor<4>) -> Tensor<4> {
        match self.moments(&images) {
            Some([mean, std]) => (images - mean) / std,
            None => images,
        }
    }

    /// Returns the values in [0, 1] of which `images` are the scaled ones.
    pub(super) fn unscale_batch(&self, images: Tensor<4>) -> Tensor<4> {
        match self.moments(&images) {
            Some([mean, std]) => images * std + mean,
            None => images,
        }
    }

    /// Returns the mean and the standard deviation of each channel, `[1, channels, 1, 1]`.
    fn moments(&self, images: &Tensor<4>) -> Option<[Tensor<4>; 2]> {
        let Self::Standard { mean, std } = self else { return None };
        let of_channels = |values: &Vec<f32>| {
            let values = TensorData::new(values.clone(), [1, values.len(), 1, 1]);
            Tensor::from_data(values, &images.device())
        };
        Some([mean, std].map(of_channels))
    }

    /// Fills `out` with the scaled values of an image with `channels` channels.
    #[inline(always)]
    pub(super) fn fill(&self, out: &mut [f32], pixels: &[u8], channels: usize) {
        let mut rest = out;
        for (plane, moments) in self.planes(pixels, channels) {
            let (out, after) = rest.split_at_mut(plane.len());
            let pairs = out.iter_mut().zip(plane);
            match moments {
                None => pairs.for_each(|(out, &pixel)| *out = unit(pixel)),
                Some((mean, std)) => pairs.for_each(|(out, &p)| *out = (unit(p) - mean) / std),
            }
            rest = after;
        }
    }
}

#[inline(always)]
fn unit(pixel: u8) -> f32 {
    f32::from(pixel) / 255.0
}

impl std::fmt::Display for Scaling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers = |values: &[f32]| {
            values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Unit => f.write_str("scaled to [0, 1]"),
            Self::Standard { mean, std } => {
                write!(f, "normalised with mean {} and std {}", numbers(mean), numbers(std))
            }
        }
    }
}

/// Sums over the pixels of each channel, as integers, so that the order does not matter.
#[derive(Debug, Clone, Default)]
pub(super) struct PixelSums {
    /// The number of pixels of each channel, their sum, and the sum of their squares.
    channels: [(u64, u64, u64); 3],
}

impl PixelSums {
    /// Sums the pixels of an image with `channels` channels.
    pub fn of(pixels: &[u8], channels: usize) -> Self {
        let mut sums = Self::default();
        let planes = pixels.chunks_exact((pixels.len() / channels.max(1)).max(1));
        for ((count, sum, squares), plane) in sums.channels.iter_mut().zip(planes) {
            *count = plane.len() as u64;
            // The squares of 65,536 pixels add up within 32 bits, which allows wider vectors.
            for plane in plane.chunks(1 << 16) {
                *sum += u64::from(plane.iter().map(|&pixel| u32::from(pixel)).sum::<u32>());
                let square = |&pixel: &u8| u32::from(pixel) * u32::from(pixel);
                *squares += u64::from(plane.iter().map(square).sum::<u32>());
            }
        }
        sums
    }

    /// Sums the pixels of all images in a buffer, `size` bytes each.
    pub fn of_all(pixels: &[u8], size: usize, channels: usize) -> Self {
        let images = pixels.par_chunks_exact(size.max(1));
        let add = |mut sums: Self, other: Self| {
            sums.add(&other);
            sums
        };
        images.map(|image| Self::of(image, channels)).reduce(Self::default, add)
    }

    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.channels.iter_mut().zip(other.channels) {
            *own = (own.0 + other.0, own.1 + other.1, own.2 + other.2);
        }
    }

    /// Returns the scaling by their mean and deviation. `place` stands for the images in messages.
    pub fn scaling(&self, channels: usize, place: &str) -> Result<Scaling> {
        let (mut mean, mut std) = (Vec::new(), Vec::new());
        for &(count, sum, squares) in &self.channels[..channels] {
            let [n, sum, squares] = [count, sum, squares].map(u128::from);
            // n² times the variance, exactly.
            let spread = (n * squares - sum * sum) as f64;
            let n = (n as f64).max(1.0);
            mean.push((sum as f64 / n / 255.0) as f32);
            std.push((spread.sqrt() / n / 255.0) as f32);
        }
        if std.contains(&0.0) {
            let problem = "all pixels of a channel are equal: its standard deviation is 0";
            return Err(Error::data(place, problem));
        }
        Ok(Scaling::Standard { mean, std })
    }
}
