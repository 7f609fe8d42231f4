//! Batches of images, gathered on the device if the data set fits there, otherwise on the host.

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::{Value, json};

use super::images::Images;
use super::open::Splits;
use super::read::ReadOptions;
use crate::data::{BatchItems, DataLoaders, InputFormat, ItemFormat, Source, class_indices};
use crate::device;
use crate::error::Result;
use crate::seed::Seed;

/// Where images that are not streamed stay between batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residency {
    /// On the device if it is a GPU whose largest buffer holds them all, otherwise on the host.
    Auto,
    /// As one float tensor on the device, where each batch is gathered. Images that training
    /// augments or shows parts of stay on the host if the device is a CPU.
    Device,
    /// As bytes on the host, where each batch is made and then sent to the device. This is the
    /// fastest option for a CPU device, which computes in host memory.
    Host,
}

/// Decoded images and their targets as a [`Source`] of batches.
///
/// The batches are bit-identical wherever the images stay, except for images on a GPU that are
/// [augmented](Images::augment) there, within rounding errors.
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
    /// Creates a source of `images` for a model on `device`. `targets` makes the targets from
    /// `(labels, number of classes, device)`.
    pub fn new(images: Images, targets: F, device: &Device, residency: Residency) -> Self {
        let size: usize = images.kept_shape().iter().product();
        let bytes = (images.len() * size * size_of::<f32>()) as u64;
        let is_host = device::is_host(device);
        let on_device = !images.is_streamed()
            && match residency {
                Residency::Auto => !is_host && bytes <= device::largest_buffer(device),
                // A CPU changes bytes faster, and to the same bits wherever they stay.
                Residency::Device => !(is_host && images.vary()),
                Residency::Host => false,
            };
        let resident = on_device.then(|| {
            let all: Vec<u32> = (0..).take(images.len()).collect();
            let values =
                images.with_kept(&all, |pixels| images.kept_format().scaled(pixels)).ok()?;
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

    fn config(&self) -> Value {
        if !self.images.vary() {
            return Value::Null;
        }
        let [_, height, width] = self.images.kept_shape();
        let augmentation = self.images.augmentation().map(ToString::to_string);
        json!({ "augmentation": augmentation, "kept": [height, width] })
    }

    fn expect(&self, upcoming: &[BatchItems<'_>]) {
        let upcoming: Vec<_> = upcoming.iter().map(|items| items.indices).collect();
        self.images.expect(&upcoming);
    }

    fn gather(&self, items: BatchItems<'_>, device: &Device) -> Result<(Tensor<4>, T)> {
        let indices = items.indices;
        let varies = items.training && self.images.vary();
        let [channels, height, width] = self.images.shape();
        let shape = [indices.len(), channels, height, width];
        let change = match &self.resident {
            Some(_) if varies => self.images.drawn_changes(items),
            _ => None,
        };
        let input = match (&self.resident, change) {
            (Some(images), Some(change)) => {
                let [channels, height, width] = self.images.kept_shape();
                let kept = [indices.len(), channels, height, width];
                let kept = rows(images, indices).reshape(kept);
                on(device, change.apply(kept, &self.images.format().scaling))
            }
            (Some(images), None) if !varies && !self.images.is_presized() => {
                on(device, rows(images, indices).reshape(shape))
            }
            _ => {
                let values = if varies {
                    self.images.drawn(items)?
                } else {
                    let format = self.images.format();
                    self.images.with(indices, |pixels| format.scaled(pixels))?
                };
                Tensor::from_data(TensorData::new(values, shape), device)
            }
        };
        let input = match self.images.augmentation().filter(|_| items.training) {
            Some(augment) => augment.change_batch(input, &mut items.batch_rng())?,
            None => input,
        };
        let labels: Vec<u32> = indices.iter().map(|&i| self.images.labels()[i as usize]).collect();
        Ok((input, (self.targets)(&labels, self.images.classes().len(), device)))
    }
}

/// Returns a batch on the device of the model.
fn on(device: &Device, batch: Tensor<4>) -> Tensor<4> {
    let batch = batch.to_device(&device.clone().inner());
    if device.is_autodiff() { batch.autodiff() } else { batch }
}

/// Returns the rows of a tensor at these indices.
fn rows(tensor: &Tensor<2>, indices: &[u32]) -> Tensor<2> {
    let rows: Vec<i32> = indices.iter().map(|i| i.cast_signed()).collect();
    let rows = TensorData::new(rows, [indices.len()]);
    tensor.clone().select(0, Tensor::<1, Int>::from_data(rows, &tensor.device()))
}

impl<T: 'static> DataLoaders<Tensor<4>, T> {
    /// Creates loaders of images `[batch, channels, height, width]`, scaled by their format.
    ///
    /// `targets` makes the targets from `(labels, number of classes, device)`: [`class_indices`],
    /// [`one_hot`](crate::data::one_hot), or your own function. The training images are shuffled
    /// with seed 0; [`shuffle`](Self::shuffle) sets another. The [augmentation](Images::augment)
    /// of the training images is also that of the validation images, for test-time augmentation
    /// alone, unless they have their own.
    pub fn from_images(
        train: Images,
        valid: Images,
        targets: impl Fn(&[u32], usize, &Device) -> T + Send + Sync + Clone + 'static,
        device: &Device,
    ) -> Self {
        let source = |images, targets| ImageSource::new(images, targets, device, Residency::Auto);
        let input = InputFormat::from(train.format());
        let input = match train.augmentation() {
            Some(augment) => input.with_augmentation(augment.to_string()),
            None => input,
        };
        let items = ItemFormat::of_classes(input, train.classes());
        let valid = match (valid.augmentation(), train.augmentation()) {
            (None, Some(augment)) => valid.augment(augment.clone()),
            _ => valid,
        };
        let dls = Self::new(source(train, targets.clone()), source(valid, targets), 0);
        Self { items: Some(items), ..dls }
    }
}

impl Splits {
    /// Reads both parts into loaders of images `[batch, channels, height, width]` and class indices
    /// `[batch]`, for a model on `device`. All images must have the same size and channels.
    ///
    /// [`DataLoaders`] has methods to change the batch size and the order. For other targets, use
    /// [`DataLoaders::from_images`].
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), and [`Error::Setting`](crate::Error::Setting) if the batch
    /// size is 0.
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
