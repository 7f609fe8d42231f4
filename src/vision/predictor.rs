//! Predictions with a trained model from a model file, without any training code.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::adapt::Adaptation;
use super::images::Images;
use super::spec::ImageSpec;
use crate::error::{Error, Result};
use crate::files::regular;
use crate::models::{AnyModel, Model, ModelCard, ModelFile};
use crate::printable::list_of;
use crate::records::{Interpretation, Outcome, Prediction};

/// The largest batch, in images and in values.
const MOST_IMAGES: usize = 256;
const MOST_NUMBERS: usize = 1 << 24;
/// The largest image file that is read, in bytes: as much memory as a decoder may take.
const LARGEST_IMAGE: u64 = 1 << 28;

/// A trained image classifier, loaded from a model file.
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
pub struct Predictor {
    model: AnyModel,
    card: ModelCard,
    format: ImageSpec,
    classes: Arc<[String]>,
    device: Device,
}

/// An image in the model's format, and how it was changed to fit.
type PreparedImage = (Vec<u8>, Option<Adaptation>);

impl Predictor {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read; [`Error::File`] if it is damaged or not the model file
    /// of an image model; [`Error::Newer`] if a newer fastburn wrote it in an unknown format.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::of_file(ModelFile::read(path.as_ref(), &device.clone().inner())?, device)
    }

    /// Reads a model from the contents of a model file, for example from `include_bytes!`.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let place = "the model's bytes".to_owned();
        Self::of_file(ModelFile::from_bytes(place, bytes, &device.clone().inner())?, device)
    }

    fn of_file(file: ModelFile, device: &Device) -> Result<Self> {
        let format = ImageSpec::of_model(&file)?;
        let ModelFile { card, model, .. } = file;
        // A device with autodiff would record each prediction for a backward pass.
        let device = device.clone().inner();
        Ok(Self { model, classes: card.classes.as_slice().into(), card, format, device })
    }

    /// Returns the description of the model from the model file.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Returns the format of the images that the model takes.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Returns the model.
    pub fn model(&self) -> &AnyModel {
        &self.model
    }

    /// Classifies an image file (PNG, JPEG, WebP, BMP, GIF or TIFF).
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read, [`Error::Image`] if it is not a readable image,
    /// [`Error::Compute`] if the device fails.
    pub fn predict_file(&self, path: impl AsRef<Path>) -> Result<Prediction> {
        self.predict_prepared(self.prepare(path.as_ref())?)
    }

    /// Classifies many image files, which are read on all threads. Results are in the files' order.
    ///
    /// # Errors
    ///
    /// For each file, those of [`predict_file`](Self::predict_file).
    pub fn predict_files<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<Prediction>> {
        let batches = paths.chunks(self.images_at_once()).flat_map(|paths| {
            let prepared: Vec<_> =
                paths.par_iter().map(|path| self.prepare(path.as_ref())).collect();
            self.predict_each(prepared)
        });
        batches.collect()
    }

    /// Classifies an image, given the contents of an image file.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if it is not a readable image, [`Error::Compute`] if the device fails.
    pub fn predict_bytes(&self, bytes: &[u8]) -> Result<Prediction> {
        self.predict_prepared(self.format.decode(bytes, "the image")?)
    }

    /// Classifies an image, given its pixels `[channels, height, width]` in row-major order, 0 to
    /// 255.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of pixels does not match the shape, there are neither 1 nor 3
    /// channels, or the image is too large to resize; [`Error::Compute`] if the device fails.
    pub fn predict_pixels(&self, pixels: &[u8], shape: [usize; 3]) -> Result<Prediction> {
        self.predict_prepared(self.format.adapt(pixels, shape)?)
    }

    /// Classifies each image of a batch `[images, channels, height, width]` that is already in the
    /// model's format and scaled.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the images have another shape, [`Error::Compute`] if the device fails.
    pub fn predict_batch(&self, batch: Tensor<4>) -> Result<Vec<Prediction>> {
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
        let answer = |outputs: &Vec<f32>| {
            let probabilities = self.card.outputs.probabilities(outputs, self.classes.len());
            Prediction::new(self.classes.clone(), probabilities)
        };
        Ok(self.outputs(batch)?.iter().map(answer).collect())
    }

    /// Classifies every image of a data set and compares the predictions with the labels.
    ///
    /// Classes are matched by name, and the model may have additional ones. Images of another size
    /// or number of channels are converted. The loss is the one that fits the model's outputs, see
    /// [`Outputs::loss`](crate::loss::Outputs::loss).
    ///
    /// ```
    /// use fastburn::loss::CrossEntropy;
    /// use fastburn::vision::Predictor;
    /// use fastburn::vision::{Images, Splits};
    ///
    /// # let device = fastburn::device::cpu()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digits.safetensors");
    /// # let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// # let model = fastburn::models::LinearConfig::new(784, 10).init(&device, 42)?;
    /// # let mut learn = fastburn::learner::Learner::new(dls, model, fastburn::loss::CrossEntropy::new());
    /// # learn.fit(1, 1e-3)?;
    /// # learn.export(&file)?;
    /// let predictor = Predictor::load(&file, &device)?;
    /// let seen = predictor.interpret(&Images::decode(&Splits::digits()?.valid)?)?;
    /// assert!(seen.accuracy() > 0.7);
    /// println!("{}", seen.report());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the images have a class that the model lacks, [`Error::Compute`] if the
    /// device fails, and any error in reading streamed images.
    pub fn interpret(&self, images: &Images) -> Result<Interpretation> {
        let known: Vec<_> =
            images.classes().iter().map(|class| self.class(class)).collect::<Result<_>>()?;
        let (kind, classes) = (self.card.outputs, self.classes.len());
        let mut items = Vec::new();
        images.for_each_batch(self.images_at_once(), |indices, batch| {
            let adapt = |pixels: &&[u8]| self.format.adapt(pixels, images.shape());
            let prepared = batch.par_iter().map(adapt).collect::<Result<Vec<_>>>()?;
            let pixels: Vec<_> = prepared.iter().map(|(pixels, _)| pixels.as_slice()).collect();
            let outputs = self.outputs(self.format.batch(&pixels, &self.device))?;
            items.extend(indices.iter().zip(outputs).map(|(&index, outputs)| {
                let index = index as usize;
                let actual = known[images.labels()[index] as usize];
                let loss = kind.loss(&outputs, actual, classes);
                Outcome::new(index, actual, loss, kind.probabilities(&outputs, classes))
            }));
            Ok(())
        })?;
        Ok(Interpretation { classes: self.card.classes.clone(), items })
    }

    /// Returns the index of the class called `name`.
    fn class(&self, name: &str) -> Result<usize> {
        let class = self.classes.iter().position(|class| class == name);
        class.ok_or_else(|| Error::Shape {
            what: "images for this model",
            expected: format!("the classes {}", list_of(3, &*self.classes)),
            found: format!("the class {name}"),
        })
    }

    /// Returns the number of images per batch.
    fn images_at_once(&self) -> usize {
        (MOST_NUMBERS / self.format.len().max(1)).clamp(1, MOST_IMAGES)
    }

    /// Returns the outputs for each image of a batch in the model's format.
    fn outputs(&self, batch: Tensor<4>) -> Result<Vec<Vec<f32>>> {
        let outputs = self.model.forward(batch.inner().to_device(&self.device));
        let [_, width] = outputs.dims();
        let outputs =
            outputs.try_into_vec_as::<f32>().map_err(|error| Error::compute("predict", error))?;
        if !outputs.iter().all(|output| output.is_finite()) {
            return Err(Error::compute("predict", "the model's outputs contain NaN or infinity"));
        }
        Ok(outputs.chunks_exact(width).map(<[f32]>::to_vec).collect())
    }

    fn prepare(&self, path: &Path) -> Result<PreparedImage> {
        self.format.decode(&regular::read(path, LARGEST_IMAGE)?, &path.display().to_string())
    }

    fn predict_prepared(&self, (pixels, adapted): PreparedImage) -> Result<Prediction> {
        let mut answers = self.predict_batch(self.format.batch(&[&pixels], &self.device))?;
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
            self.predict_batch(self.format.batch(&whole, &self.device))
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

fn with_adaptation(prediction: Prediction, adaptation: Option<Adaptation>) -> Prediction {
    Prediction { adaptation: adaptation.map(|adaptation| adaptation.to_string()), ..prediction }
}
