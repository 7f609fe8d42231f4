//! Batches of images: gathered on the device where the data fits there, else on the host.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::images::Images;
use super::open::Splits;
use super::read::ReadOptions;
use crate::data::{DataLoaders, ItemFormat, Source, class_indices};
use crate::device;
use crate::error::Result;
use crate::seed::Seed;

/// Where the images stay between batches, if they are not streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residency {
    /// On the device if it is a GPU that holds them in one buffer, else on the host.
    Auto,
    /// As one float tensor on the device; each batch is gathered there.
    Device,
    /// As bytes on the host; each batch is made there and sent. A CPU device computes in host
    /// memory, so for it this is the fast way.
    Host,
}

/// Decoded images and their targets as a [`Source`] of batches.
///
/// The batches are the same to the bit wherever the images stay.
///
/// ```
/// use fastburn::data::{DataLoader, class_indices};
/// use fastburn::vision::{ImageSource, Images, Residency, Splits};
///
/// let device = fastburn::device::cpu()?;
/// let images = Images::decode(&Splits::digits()?.valid)?;
/// let loader =
///     DataLoader::new(ImageSource::new(images, class_indices, &device, Residency::Device));
/// let batch = loader.batch(&loader.order(0), 0, &device)?;
/// assert_eq!(batch.input.dims(), [64, 1, 28, 28]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub struct ImageSource<F> {
    images: Images,
    resident: Option<Tensor<2>>,
    targets: F,
}

impl<F> ImageSource<F> {
    /// A source of `images` for a model on `device`; `targets` makes the targets from
    /// `(labels, number of classes, device)`.
    pub fn new(images: Images, targets: F, device: &Device, residency: Residency) -> Self {
        let size: usize = images.shape().iter().product();
        let bytes = (images.len() * size * size_of::<f32>()) as u64;
        let on_device = !images.is_streamed()
            && match residency {
                Residency::Auto => {
                    !device::is_host(device) && bytes <= device::largest_buffer(device)
                }
                Residency::Device => true,
                Residency::Host => false,
            };
        let resident = on_device.then(|| {
            let every: Vec<u32> = (0..).take(images.len()).collect();
            let values = images.with(&every, |pixels| images.format().scaled(pixels)).ok()?;
            let pixels = TensorData::new(values, [images.len(), size]);
            Some(Tensor::from_data(pixels, &device.clone().inner()))
        });
        Self { images, resident: resident.flatten(), targets }
    }
}

impl<T, F> Source<Tensor<4>, T> for ImageSource<F>
where
    F: Fn(&[u32], usize, &Device) -> T + Send + Sync,
{
    fn len(&self) -> usize {
        self.images.len()
    }

    fn expect(&self, upcoming: &[&[u32]]) {
        self.images.expect(upcoming);
    }

    fn gather(&self, indices: &[u32], device: &Device) -> Result<(Tensor<4>, T)> {
        let [channels, height, width] = self.images.shape();
        let shape = [indices.len(), channels, height, width];
        let input = match &self.resident {
            Some(images) => {
                let rows: Vec<i32> = indices.iter().map(|i| i.cast_signed()).collect();
                let rows = TensorData::new(rows, [indices.len()]);
                let rows = Tensor::<1, Int>::from_data(rows, &images.device());
                let batch = images.clone().select(0, rows).reshape(shape);
                let batch = batch.to_device(&device.clone().inner());
                if device.is_autodiff() { batch.autodiff() } else { batch }
            }
            None => {
                let format = self.images.format();
                let values = self.images.with(indices, |pixels| format.scaled(pixels))?;
                Tensor::from_data(TensorData::new(values, shape), device)
            }
        };
        let labels: Vec<u32> = indices.iter().map(|&i| self.images.labels()[i as usize]).collect();
        Ok((input, (self.targets)(&labels, self.images.classes().len(), device)))
    }
}

impl<T: 'static> DataLoaders<Tensor<4>, T> {
    /// Loaders of images, scaled as their format says, `[batch, channels, height, width]`.
    ///
    /// `targets` makes the targets from `(labels, number of classes, device)`:
    /// [`class_indices`], [`one_hot`](crate::data::one_hot), or a function of
    /// your own. Shuffled by seed 0 until [`shuffle`](Self::shuffle) says otherwise.
    pub fn from_images(
        train: Images,
        valid: Images,
        targets: impl Fn(&[u32], usize, &Device) -> T + Send + Sync + Clone + 'static,
        device: &Device,
    ) -> Self {
        let source = |images, targets| ImageSource::new(images, targets, device, Residency::Auto);
        let items =
            ItemFormat { classes: train.classes().to_vec(), input: train.format().to_json() };
        let dls = Self::new(source(train, targets.clone()), source(valid, targets), 0);
        Self { items: Some(items), ..dls }
    }
}

impl Splits {
    /// Reads both parts as they are into loaders of images `[batch, channels, height, width]` and class
    /// indices `[batch]`, for a model on `device`.
    ///
    /// Change the batch size and the order with [`DataLoaders`]' own methods; for other targets
    /// use [`DataLoaders::from_images`].
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Error::Setting`] if the batch size is 0.
    pub fn loaders(
        &self,
        batch_size: usize,
        seed: impl Into<Seed>,
        device: &Device,
    ) -> Result<DataLoaders<Tensor<4>, Tensor<1, Int>>> {
        let (train, valid) = self.read(&ReadOptions::new(), &|_, _| {})?;
        DataLoaders::from_images(train, valid, class_indices, device)
            .shuffle(seed.into())
            .batch_size(batch_size)
    }
}
