//! fastburn's images, models and losses in Burn's own data loaders and Learner, and Burn's datasets
//! in fastburn's.

#[cfg(feature = "burn-train")]
pub mod burn_learner;
mod datasets;

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::data::{Batch, class_indices};
use crate::vision::{ImageItem, ImageSpec, Scaling};

/// A batcher for Burn's `DataLoader`: makes batches of the items of an
/// [`ImageFolder`](crate::vision::ImageFolder) or of decoded [`Images`](crate::vision::Images),
/// with fastburn's scaling.
///
/// The default divides pixels by 255; [`new`](Self::new) takes the scaling of a format.
///
/// ```
/// use burn::data::dataloader::DataLoaderBuilder;
/// use fastburn::interop::ImageBatcher;
/// use fastburn::vision::Splits;
///
/// let device = fastburn::device::cpu()?;
/// let loader = DataLoaderBuilder::new(ImageBatcher::default())
///     .batch_size(32)
///     .set_device(device)
///     .build(Splits::digits()?.valid);
/// for batch in loader.iter().take(2) {
///     assert_eq!(batch?.input.dims(), [32, 1, 28, 28]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ImageBatcher {
    scaling: Scaling,
}

impl ImageBatcher {
    /// Creates a batcher with the scaling of [`Images::format`](crate::vision::Images::format).
    pub fn new(scaling: &Scaling) -> Self {
        Self { scaling: scaling.clone() }
    }
}

impl Batcher<ImageItem, Batch<Tensor<4>, Tensor<1, Int>>> for ImageBatcher {
    /// # Panics
    ///
    /// If the items differ in shape, or the scaling is for another number of channels: Burn's trait
    /// cannot return an error.
    fn batch(&self, items: Vec<ImageItem>, device: &Device) -> Batch<Tensor<4>, Tensor<1, Int>> {
        let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
        let shape = items.first().map_or([0; 3], |item| item.shape);
        assert!(items.iter().all(|item| item.shape == shape), "images of different shapes");
        let pixels: Vec<_> = items.iter().map(|item| item.pixels.as_slice()).collect();
        let format = ImageSpec { scaling: self.scaling.clone(), ..ImageSpec::new(shape) };
        let pixels = format.scaled(&pixels);
        let [channels, height, width] = shape;
        let shape = [items.len(), channels, height, width];
        Batch {
            input: Tensor::from_data(TensorData::new(pixels, shape), device),
            target: class_indices(&labels, 0, device),
            len: items.len(),
        }
    }
}
