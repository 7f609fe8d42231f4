//! Predictions with a trained model from a model file, without any training code.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::adapt::Adaptation;
use super::augment::Augment;
use super::spec::ImageSpec;
use crate::error::{Error, Result};
use crate::files::regular;
use crate::models::{AnyModel, Model, ModelCard, ModelFile, Registry};
use crate::records::Prediction;

/// The largest batch, in images and in values.
const MOST_IMAGES: usize = 256;
const MOST_NUMBERS: usize = 1 << 24;
/// The largest image file that is read, in bytes: as much memory as a decoder may take.
const LARGEST_IMAGE: u64 = 1 << 28;

/// A trained model of images, loaded from a model file.
///
/// It takes image files, their bytes, pixels, or a prepared batch. Images of another size or number
/// of channels are converted, as [`Prediction::adaptation`] reports. Threads can share a predictor.
///
/// ```
/// use fastburn::vision::Predictor;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
/// learn.fit(1, 3e-3)?;
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("digits.safetensors");
/// learn.export(&file)?;
///
/// let predictor = Predictor::load(&file, &device)?;
/// let seven = Splits::digits()?.valid.image(700)?;
/// let prediction = predictor.predict_pixels(&seven.pixels, seven.shape)?;
/// assert_eq!(prediction.label(), "7");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Predictor<M = AnyModel> {
    pub(super) file: ModelFile<M>,
    pub(super) format: ImageSpec,
    pub(super) device: Device,
    /// The number of augmented passes for each image, and what happens in them.
    pub(super) tta: Option<(usize, Arc<Augment>)>,
}

/// A model of images that a [`Predictor`] can predict with: one that model files hold, from
/// `[batch, channels, height, width]` to `[batch, outputs]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model of images that a model file can hold",
    label = "not an image model of a model file",
    note = "implement `fastburn::models::Model<Tensor<4>, Output = Tensor<2>>`, `TorchNames` and \
            `Exportable` for it, or use `fastburn::registry!`"
)]
pub trait ImageModel: Registry + Model<Tensor<4>, Output = Tensor<2>> {}

impl<M: Registry + Model<Tensor<4>, Output = Tensor<2>>> ImageModel for M {}

/// An image in the model's format, and how it was changed to fit.
pub(super) type PreparedImage = (Vec<u8>, Option<Adaptation>);

impl Predictor {
    /// Reads a model file of one of fastburn's own models.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read; [`Error::File`] if it is damaged or not the model file
    /// of an image model of a known kind; [`Error::Newer`] if a newer fastburn wrote it in an
    /// unknown format.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::load_as(path, device)
    }

    /// Reads a model from the contents of a model file, for example from `include_bytes!`.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::from_bytes_as(bytes, device)
    }

    /// Reads a model file of a model of one's own, as in the example of
    /// [`Exportable`](crate::models::Exportable), or of one of the kinds in a
    /// [`registry!`](crate::registry).
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn load_as<M: ImageModel>(path: impl AsRef<Path>, device: &Device) -> Result<Predictor<M>> {
        Predictor::of_file(ModelFile::load_as(path, device)?, device)
    }

    /// Reads a model from the contents of a model file: see [`load_as`](Self::load_as).
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn from_bytes_as<M: ImageModel>(bytes: &[u8], device: &Device) -> Result<Predictor<M>> {
        Predictor::of_file(ModelFile::from_bytes_as(bytes, device)?, device)
    }
}

impl<M: ImageModel> Predictor<M> {
    fn of_file(file: ModelFile<M>, device: &Device) -> Result<Self> {
        let format = ImageSpec::of_model(&file)?;
        Ok(Self { file, format, device: device.clone().inner(), tta: None })
    }

    /// Returns the description of the model from the model file.
    pub fn card(&self) -> &ModelCard {
        self.file.card()
    }

    /// Returns the format of the images that the model takes.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Returns the model.
    pub fn model(&self) -> &M {
        self.file.model()
    }

    /// Classifies an image file (PNG, JPEG, WebP, BMP, GIF or TIFF).
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read, [`Error::Image`] if it is not a readable image,
    /// [`Error::Usage`] if the model predicts values, [`Error::Compute`] if the device fails.
    pub fn predict_file(&self, path: impl AsRef<Path>) -> Result<Prediction> {
        self.file.check_classes()?;
        self.predict_prepared(prepare(&self.format, path.as_ref())?)
    }

    /// Classifies many image files, which are read on all threads. Results are in the files' order.
    ///
    /// # Errors
    ///
    /// For each file, those of [`predict_file`](Self::predict_file).
    pub fn predict_files<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<Prediction>> {
        if self.file.check_classes().is_err() {
            return paths.iter().map(|path| self.predict_file(path)).collect();
        }
        // Not `self`: a model need not be `Sync`.
        let format = &self.format;
        let batches = paths.chunks(self.images_at_once()).flat_map(|paths| {
            let prepared: Vec<_> =
                paths.par_iter().map(|path| prepare(format, path.as_ref())).collect();
            self.predict_each(prepared)
        });
        batches.collect()
    }

    /// Classifies an image, given the contents of an image file.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if it is not a readable image, [`Error::Usage`] if the model predicts
    /// values, [`Error::Compute`] if the device fails.
    pub fn predict_bytes(&self, bytes: &[u8]) -> Result<Prediction> {
        self.file.check_classes()?;
        self.predict_prepared(self.format.decode(bytes, "the image")?)
    }

    /// Classifies an image, given its pixels `[channels, height, width]` in row-major order, 0 to
    /// 255.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of pixels does not match the shape, there are neither 1 nor 3
    /// channels, or the image is too large to resize; [`Error::Usage`] if the model predicts
    /// values, [`Error::Compute`] if the device fails.
    pub fn predict_pixels(&self, pixels: &[u8], shape: [usize; 3]) -> Result<Prediction> {
        self.file.check_classes()?;
        self.predict_prepared(self.format.adapt(pixels, shape)?)
    }

    /// Classifies each image of a batch `[images, channels, height, width]` that is already in the
    /// model's format and scaled, as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the images have another shape, [`Error::Usage`] if the model predicts
    /// values, [`Error::Compute`] if the device fails.
    pub fn predict_batch(&self, batch: Tensor<4>) -> Result<Vec<Prediction>> {
        self.file.check_classes()?;
        self.file.predictions(&self.outputs(batch)?)
    }

    /// Returns the number of images per batch.
    pub(super) fn images_at_once(&self) -> usize {
        (MOST_NUMBERS / self.format.len().max(1)).clamp(1, MOST_IMAGES)
    }

    /// Returns the outputs for each image of a batch in the model's format.
    pub(super) fn outputs(&self, batch: Tensor<4>) -> Result<Vec<Vec<f32>>> {
        let [images, shape @ ..] = batch.dims();
        if shape != self.format.shape() {
            return Err(Error::Shape {
                what: "a batch to predict",
                expected: format!(
                    "[images, channels, height, width] with {:?}",
                    self.format.shape()
                ),
                found: format!("{:?}", batch.dims()),
            });
        }
        if images == 0 {
            return Ok(Vec::new());
        }
        self.file.outputs(batch.inner().to_device(&self.device))
    }

    fn predict_prepared(&self, (pixels, adapted): PreparedImage) -> Result<Prediction> {
        let mut answers = self.file.predictions(&self.outputs_for(&[&pixels])?)?;
        let answer = answers.pop().ok_or_else(|| Error::compute("predict", "no outputs"))?;
        Ok(with_adaptation(answer, adapted))
    }

    /// Classifies images as one batch, or one by one if that fails, so that each has its own error.
    fn predict_each(&self, prepared: Vec<Result<PreparedImage>>) -> Vec<Result<Prediction>> {
        let whole: Vec<_> =
            prepared.iter().flatten().map(|(pixels, _)| pixels.as_slice()).collect();
        let together = if whole.is_empty() {
            Ok(Vec::new())
        } else {
            self.outputs_for(&whole).and_then(|outputs| self.file.predictions(&outputs))
        };
        let mut answers = together.unwrap_or_default().into_iter();
        let answer = |image: Result<PreparedImage>| {
            let image = image?;
            match answers.next() {
                Some(answer) => Ok(with_adaptation(answer, image.1)),
                None => self.predict_prepared(image),
            }
        };
        prepared.into_iter().map(answer).collect()
    }
}

pub(super) fn prepare(format: &ImageSpec, path: &Path) -> Result<PreparedImage> {
    format.decode(&regular::read(path, LARGEST_IMAGE)?, &path.display().to_string())
}

pub(super) fn with_adaptation(
    prediction: Prediction,
    adaptation: Option<Adaptation>,
) -> Prediction {
    Prediction { adaptation: adaptation.map(|adaptation| adaptation.to_string()), ..prediction }
}
