//! A trained model that answers: from a model file, without anything that trains.

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

/// How many images go through the model together at most, and how many numbers they are.
const MOST_IMAGES: usize = 256;
const MOST_NUMBERS: usize = 1 << 24;
/// The largest image file that is read, in bytes: as much as a decoder may take.
const LARGEST_IMAGE: u64 = 1 << 28;

/// A model from a model file, and what it needs to answer about images.
///
/// It takes image files, their bytes, pixels, or a batch that is ready; images of another size or
/// number of channels are changed to fit, and [`Prediction::adaptation`] says how. It can be shared
/// between threads.
///
/// ```
/// use fastburn::vision::Predictor;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, cross_entropy).metric(accuracy());
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

/// An image in the model's format, and what was done to it.
type PreparedImage = (Vec<u8>, Option<Adaptation>);

impl Predictor {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read; [`Error::File`] if it is no model file or is damaged;
    /// [`Error::Newer`] if a newer fastburn wrote it in a form that this one does not know.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::of_file(ModelFile::read(path.as_ref(), &device.clone().inner())?, device)
    }

    /// From the content of a model file, such as `include_bytes!` embeds.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let place = "the model's bytes".to_owned();
        Self::of_file(ModelFile::from_bytes(place, bytes, &device.clone().inner())?, device)
    }

    fn of_file(file: ModelFile, device: &Device) -> Result<Self> {
        let format = ImageSpec::of_model(&file)?;
        let ModelFile { card, model, .. } = file;
        // A device that tracks gradients would keep what each prediction computed.
        let device = device.clone().inner();
        Ok(Self { model, classes: card.classes.as_slice().into(), card, format, device })
    }

    /// What the model file says of the model.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The format of the images that the model takes.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// The model itself.
    pub fn model(&self) -> &AnyModel {
        &self.model
    }

    /// What is in a PNG or JPEG file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read, [`Error::Image`] if it is not a whole PNG or JPEG,
    /// [`Error::Compute`] if the device fails.
    pub fn predict_file(&self, path: impl AsRef<Path>) -> Result<Prediction> {
        self.predict_prepared(self.prepare(path.as_ref())?)
    }

    /// What is in each of many PNG or JPEG files, in their order; they are read on all threads.
    ///
    /// # Errors
    ///
    /// Each file's own, as [`predict_file`](Self::predict_file).
    pub fn predict_files<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<Prediction>> {
        let batches = paths.chunks(self.images_at_once()).flat_map(|paths| {
            let prepared: Vec<_> =
                paths.par_iter().map(|path| self.prepare(path.as_ref())).collect();
            self.predict_each(prepared)
        });
        batches.collect()
    }

    /// What is in an image, from the content of a PNG or JPEG file.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if it is not a whole PNG or JPEG, [`Error::Compute`] if the device fails.
    pub fn predict_bytes(&self, bytes: &[u8]) -> Result<Prediction> {
        self.predict_prepared(self.format.decode(bytes, "the image")?)
    }

    /// What is in an image, from its pixels: `[channels, height, width]` in row-major order, 0 to
    /// 255.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there are not as many pixels as the shape holds, or neither one channel
    /// nor three; [`Error::Compute`] if the device fails.
    pub fn predict_pixels(&self, pixels: &[u8], shape: [usize; 3]) -> Result<Prediction> {
        self.predict_prepared(self.format.adapt(pixels, shape)?)
    }

    /// What is in each image of a batch `[images, channels, height, width]` that is in the model's
    /// format and scaled already.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the images are of another shape, [`Error::Compute`] if the device fails.
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

    /// What the model says of each image of a data set, against the class it is of.
    ///
    /// The images' classes are found among the model's by their names; the model may know more.
    /// Images of another kind are changed to fit. The loss of each is the one that the model's
    /// outputs imply ([`Outputs::loss`](crate::loss::Outputs::loss)).
    ///
    /// ```
    /// use fastburn::vision::Predictor;
    /// use fastburn::vision::{Images, Splits};
    ///
    /// # let device = fastburn::device::cpu()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digits.safetensors");
    /// # let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// # let model = fastburn::models::LinearConfig::new(784, 10).init(&device, 42)?;
    /// # let mut learn = fastburn::learner::Learner::new(dls, model, fastburn::loss::cross_entropy);
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
    /// [`Error::Shape`] if the images have a class that the model does not know,
    /// [`Error::Compute`] if the device fails, and whatever streamed images fail with.
    pub fn interpret(&self, images: &Images) -> Result<Interpretation> {
        let known: Vec<_> =
            images.classes().iter().map(|class| self.class(class)).collect::<Result<_>>()?;
        let (kind, classes) = (self.card.outputs, self.classes.len());
        let mut items = Vec::new();
        images.in_turn(self.images_at_once(), |indices, batch| {
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

    /// The index of the class of that name.
    fn class(&self, name: &str) -> Result<usize> {
        let class = self.classes.iter().position(|class| class == name);
        class.ok_or_else(|| Error::Shape {
            what: "images for this model",
            expected: format!("its classes, {}", list_of(3, &*self.classes)),
            found: format!("the class {name}"),
        })
    }

    /// How many images go through the model together.
    fn images_at_once(&self) -> usize {
        (MOST_NUMBERS / self.format.len().max(1)).clamp(1, MOST_IMAGES)
    }

    /// The outputs for each image of a batch in the model's format.
    fn outputs(&self, batch: Tensor<4>) -> Result<Vec<Vec<f32>>> {
        let outputs = self.model.forward(batch.inner().to_device(&self.device));
        let [_, width] = outputs.dims();
        let outputs =
            outputs.try_into_vec_as::<f32>().map_err(|error| Error::compute("predict", error))?;
        if !outputs.iter().all(|output| output.is_finite()) {
            return Err(Error::compute("predict", "the model's outputs are not finite numbers"));
        }
        Ok(outputs.chunks_exact(width).map(<[f32]>::to_vec).collect())
    }

    fn prepare(&self, path: &Path) -> Result<PreparedImage> {
        self.format.decode(&regular::read(path, LARGEST_IMAGE)?, &path.display().to_string())
    }

    fn predict_prepared(&self, (pixels, adapted): PreparedImage) -> Result<Prediction> {
        let mut answers = self.predict_batch(self.format.batch(&[&pixels], &self.device))?;
        let answer = answers.pop().ok_or_else(|| Error::compute("predict", "it gave no answer"))?;
        Ok(with_adaptation(answer, adapted))
    }

    /// Some images together; if the device fails at that, each by itself, to have its own error.
    fn predict_each(&self, prepared: Vec<Result<PreparedImage>>) -> Vec<Result<Prediction>> {
        let whole: Vec<_> =
            prepared.iter().flatten().map(|(pixels, _)| pixels.as_slice()).collect();
        let together = match whole.is_empty() {
            true => Ok(Vec::new()),
            false => self.predict_batch(self.format.batch(&whole, &self.device)),
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
