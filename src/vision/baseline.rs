//! Pixel similarity: the baseline that any trained model has to beat.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::bitmap::Bitmap;
use super::images::Images;
use super::loaders::{ImageSource, Residency};
use crate::data::{DataLoader, class_indices};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::records::Confusion;

/// The number of images that are compared at a time.
const BATCH_SIZE: usize = 256;

/// The distance between two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// The mean absolute difference of their pixels.
    L1,
    /// The root of the mean squared difference of their pixels.
    L2,
}

/// A classifier without training: it predicts the class whose mean image is nearest.
///
/// Its output, `[batch, classes]`, is the negated distance to each class's mean image, which can
/// be used as logits.
///
/// ```
/// use fastburn::vision::{Baseline, Distance};
/// use fastburn::vision::{ReadOptions, Splits};
///
/// let device = fastburn::device::cpu()?;
/// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
/// let baseline = Baseline::new(&train, Distance::L2, &device)?;
/// assert!(baseline.evaluate(valid)?.accuracy() > 0.6);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Baseline {
    /// `[classes, pixels]`.
    means: Tensor<2>,
    #[module(skip)]
    classes: Vec<String>,
    #[module(skip)]
    distance: Distance,
}

impl Baseline {
    /// Computes the mean image of each class.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if a class has no images, and any error in reading streamed images.
    pub fn new(train: &Images, distance: Distance, device: &Device) -> Result<Self> {
        let means = means(train)?;
        let shape = [means.len(), train.shape().iter().product()];
        let means = TensorData::new(means.concat(), shape);
        let means = Tensor::from_data(means, &device.clone().inner());
        Ok(Self { means, classes: train.classes().to_vec(), distance })
    }

    /// Returns the confusion matrix of its predictions for labelled images.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the images differ in size or classes from the training images,
    /// [`Error::Compute`] if the device fails, and any error in reading streamed images.
    pub fn evaluate(&self, images: Images) -> Result<Confusion> {
        let wrong = |expected: String, found: String| {
            Err(Error::Shape { what: "images for this baseline", expected, found })
        };
        let [_, pixels] = self.means.dims();
        let found: usize = images.shape().iter().product();
        if found != pixels {
            return wrong(format!("{pixels} values per image"), found.to_string());
        }
        if images.classes() != self.classes {
            let classes = |names: &[String]| format!("the classes {}", names.join(", "));
            return wrong(classes(&self.classes), classes(images.classes()));
        }
        let device = self.means.device();
        let mut confusion = Confusion::new(images.classes().to_vec());
        let labels = images.labels().to_vec();
        let source = ImageSource::new(images, class_indices, &device, Residency::Auto);
        let loader = DataLoader::new(source).batch_size(BATCH_SIZE)?;
        let order = loader.order(0);
        let mut predictions = Vec::new();
        for index in 0..loader.len() {
            let batch = loader.batch(&order, index, &device)?;
            predictions.push(self.forward(batch.input).argmax(1).flatten::<1>(0, 1));
        }
        if predictions.is_empty() {
            return Ok(confusion);
        }
        let predictions = Tensor::cat(predictions, 0)
            .try_into_vec_as::<i64>()
            .map_err(|error| Error::compute("read the predictions", error))?;
        for (&actual, predicted) in labels.iter().zip(predictions) {
            confusion.add(actual as usize, predicted as usize);
        }
        Ok(confusion)
    }
}

impl<const D: usize> Model<Tensor<D>> for Baseline {
    type Output = Tensor<2>;

    /// Maps images `[batch, channels, height, width]` or rows `[batch, pixels]` to
    /// `[batch, classes]`.
    ///
    /// # Panics
    ///
    /// If the images differ in size from the training images.
    fn forward(&self, input: Tensor<D>) -> Tensor<2> {
        let [classes, pixels] = self.means.dims();
        let batch = input.dims()[0];
        let input = input.reshape([batch, pixels]);
        // One class at a time: all at once would take `classes` times the batch's memory.
        let distances = (0..classes).map(|class| {
            let difference = input.clone() - self.means.clone().narrow(0, class, 1);
            match self.distance {
                Distance::L1 => difference.abs().mean_dim(1),
                Distance::L2 => (difference.clone() * difference).mean_dim(1).sqrt(),
            }
        });
        -Tensor::cat(distances.collect(), 1)
    }
}

/// Returns the mean image of each class, its ideal example.
///
/// ```
/// use fastburn::vision::mean_images;
/// use fastburn::vision::{Images, Splits};
///
/// let ideal = mean_images(&Images::decode(&Splits::digits()?.valid)?)?;
/// assert_eq!((ideal.len(), ideal[0].width()), (10, 28));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Data`] if a class has no images, and any error in reading streamed images.
pub fn mean_images(images: &Images) -> Result<Vec<Bitmap>> {
    means(images)?.iter().map(|mean| Bitmap::new(mean, images.shape())).collect()
}

/// Returns the mean of each class's images, scaled to [0, 1]. The sums are exact.
fn means(images: &Images) -> Result<Vec<Vec<f32>>> {
    let size: usize = images.shape().iter().product();
    let mut sums = vec![vec![0_u64; size]; images.classes().len()];
    let mut counts = vec![0_u64; sums.len()];
    images.for_each_batch(BATCH_SIZE, |indices, batch| {
        for (&index, pixels) in indices.iter().zip(batch) {
            let label = images.labels()[index as usize] as usize;
            counts[label] += 1;
            for (sum, &pixel) in sums[label].iter_mut().zip(*pixels) {
                *sum += u64::from(pixel);
            }
        }
        Ok(())
    })?;
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        let class = &images.classes()[class];
        return Err(Error::data(format!("class {class}"), "no images to average"));
    }
    let mean = |(sum, count): (Vec<u64>, u64)| {
        let whole = 255.0 * count as f64;
        sum.into_iter().map(|sum| (sum as f64 / whole) as f32).collect()
    };
    Ok(sums.into_iter().zip(counts).map(mean).collect())
}
