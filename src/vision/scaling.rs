//! How pixels become the numbers that a model sees.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How a pixel, 0 to 255, becomes a number that a model sees.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// To [0, 1]: divided by 255.
    #[default]
    Unit,
    /// Divided by 255, then less the mean of its channel and divided by its deviation: fastai's
    /// `Normalize`. Both are of values in [0, 1], one number a channel.
    Standard {
        /// Each channel's mean.
        mean: Vec<f32>,
        /// Each channel's standard deviation, above 0.
        std: Vec<f32>,
    },
}

impl Scaling {
    /// What keeps it from scaling images of that many channels.
    pub(super) fn check(&self, channels: usize) -> Result<(), String> {
        let Self::Standard { mean, std } = self else { return Ok(()) };
        let works = |std: &f32| std.is_finite() && *std > 0.0;
        match mean.len() == channels
            && std.len() == channels
            && mean.iter().all(|mean| mean.is_finite())
            && std.iter().all(works)
        {
            true => Ok(()),
            false => Err(format!(
                "a finite mean and a standard deviation above 0 for each of {channels} channels, \
                 found {mean:?} and {std:?}"
            )),
        }
    }

    /// The images of one channel after the other that are scaled alike, and how.
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

    /// Adds the numbers of an image of that many channels.
    #[inline(always)]
    pub(super) fn extend(&self, out: &mut Vec<f32>, pixels: &[u8], channels: usize) {
        // Behind the planes the compiler does not use the widest vectors: 15 ms more an epoch of MNIST.
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

    /// Writes the numbers of an image of that many channels.
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
                write!(f, "normalised by mean {} and deviation {}", numbers(mean), numbers(std))
            }
        }
    }
}

/// The pixels of each channel, added up: whole numbers, so that the order does not matter.
#[derive(Debug, Clone, Default)]
pub(super) struct PixelSums {
    /// How many pixels a channel has, their sum and that of their squares.
    channels: [(u64, u64, u64); 3],
}

impl PixelSums {
    /// Of an image of that many channels.
    pub fn of(pixels: &[u8], channels: usize) -> Self {
        let mut sums = Self::default();
        let planes = pixels.chunks_exact((pixels.len() / channels.max(1)).max(1));
        for ((count, sum, squares), plane) in sums.channels.iter_mut().zip(planes) {
            *count = plane.len() as u64;
            // A row of 65,536 squares fits into 32 bits, which add up in wide vectors.
            for plane in plane.chunks(1 << 16) {
                *sum += u64::from(plane.iter().map(|&pixel| u32::from(pixel)).sum::<u32>());
                let square = |&pixel: &u8| u32::from(pixel) * u32::from(pixel);
                *squares += u64::from(plane.iter().map(square).sum::<u32>());
            }
        }
        sums
    }

    /// Of many images in one buffer, `size` bytes each.
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

    /// The scaling by what they say; `place` is where the images are from.
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
            let problem = "all pixels of a channel are equal: there is no deviation to divide by";
            return Err(Error::data(place, problem));
        }
        Ok(Scaling::Standard { mean, std })
    }
}
