//! Batches to train on, and batches to validate on.

use burn::tensor::{Device, Tensor};

use super::image_source::{ImageSource, Residency};
use super::image_spec::ImageSpec;
use super::images::Images;
use super::loader::{DataLoader, Source};
use crate::error::Result;
use crate::seed::Seed;

/// A data set as the learner takes it: batches to train on, and batches to validate on.
///
/// ```
/// use fastburn::data::{DataLoaders, Reading, Splits, one_hot};
///
/// let device = fastburn::device::cpu()?;
/// let (train, valid) = Splits::digits()?.read(&Reading::new(), &|_, _| {})?;
/// let dls = DataLoaders::from_images(train, valid, one_hot, &device).batch_size(256)?;
/// assert_eq!((dls.train.len(), dls.valid.len()), (23, 4)); // 6000 / 256 down, 1000 / 256 up
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataLoaders<I, T> {
    /// Shuffled, without the last batch if it is not full, as in fastai.
    pub train: DataLoader<I, T>,
    /// In order, and whole.
    pub valid: DataLoader<I, T>,
    /// What the items are, where they are images of classes; a model file says it on.
    pub image_classes: Option<ImageClasses>,
}

/// The classes of a data set of images, and what the images look like to a model.
///
/// ```
/// let device = fastburn::device::cpu()?;
/// let dls = fastburn::data::Splits::digits()?.loaders(64, 42, &device)?;
/// let images = dls.image_classes.unwrap();
/// assert_eq!((images.classes.len(), images.format.shape()), (10, [1, 28, 28]));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImageClasses {
    /// The classes' names; a label is an index into them.
    pub classes: Vec<String>,
    /// The images' size, channels and scaling.
    pub format: ImageSpec,
}

impl<I, T> DataLoaders<I, T> {
    /// A training source, shuffled, and a validation source; batches of 64.
    pub fn new(
        train: impl Source<I, T> + 'static,
        valid: impl Source<I, T> + 'static,
        seed: impl Into<Seed>,
    ) -> Self {
        Self::from_loaders(
            DataLoader::new(train).shuffle(seed.into()).drop_last(true),
            DataLoader::new(valid),
        )
    }

    /// Two loaders as they are.
    pub fn from_loaders(train: DataLoader<I, T>, valid: DataLoader<I, T>) -> Self {
        Self { train, valid, image_classes: None }
    }

    /// Another batch size for both.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if it is 0.
    pub fn batch_size(self, batch_size: usize) -> Result<Self> {
        Ok(Self {
            train: self.train.batch_size(batch_size)?,
            valid: self.valid.batch_size(batch_size)?,
            ..self
        })
    }

    /// Trains in another order each epoch, drawn by the seed; `None` for the source's own order.
    pub fn shuffle(mut self, seed: impl Into<Option<Seed>>) -> Self {
        self.train = self.train.shuffle(seed);
        self
    }
}

impl<T: 'static> DataLoaders<Tensor<4>, T> {
    /// Loaders of images, scaled as their format says, `[batch, channels, height, width]`.
    ///
    /// `targets` makes the targets from `(labels, number of classes, device)`:
    /// [`class_indices`](super::class_indices), [`one_hot`](super::one_hot), or a function of
    /// your own. Shuffled by seed 0 until [`shuffle`](Self::shuffle) says otherwise.
    pub fn from_images(
        train: Images,
        valid: Images,
        targets: impl Fn(&[u32], usize, &Device) -> T + Send + Sync + Clone + 'static,
        device: &Device,
    ) -> Self {
        let source = |images, targets| ImageSource::new(images, targets, device, Residency::Auto);
        let classes =
            ImageClasses { classes: train.classes().to_vec(), format: train.format().clone() };
        let dls = Self::new(source(train, targets.clone()), source(valid, targets), 0);
        Self { image_classes: Some(classes), ..dls }
    }
}
