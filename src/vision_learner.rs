//! A learner for images, by the name of its model: fastai's `vision_learner`.

use burn::tensor::{Device, Int, Tensor};

use crate::data::{DataLoaders, class_indices};
use crate::error::Result;
use crate::layers::HeadConfig;
use crate::learner::Learner;
use crate::loss::CrossEntropy;
use crate::metrics::accuracy;
use crate::models::{AnyModel, ModelOptions, Registry, StateDict};
#[cfg(feature = "download")]
use crate::pretrained;
use crate::seed::Seed;
use crate::vision::augment::Augment;
use crate::vision::{ImageSpec, ReadOptions, Splits};

/// A learner of images and their classes.
pub type ImageLearner = Learner<(AnyModel, Tensor<4>, Tensor<1, Int>)>;

/// Begins a learner for the images of a data set and a model by name, such as `resnet18`.
///
/// A convolutional model has fastai's head ([`HeadConfig::fastai`]), the loss is cross-entropy, and
/// the metric accuracy. [`build`](VisionLearner::build) reads the images.
///
/// ```no_run
/// use fastburn::prelude::*;
///
/// let device = device::auto()?;
/// let photos = Splits::open("photos", 42)?;
/// let mut learn = vision_learner(&photos, "resnet34").pretrained()?.build(&device)?;
/// learn.fine_tune(3)?;
/// learn.export("photos.safetensors")?;
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// From nothing, at a size of one's own:
///
/// ```
/// use fastburn::models::ModelOptions;
/// use fastburn::prelude::*;
///
/// let digits = Splits::digits()?;
/// let narrow = ModelOptions::new().widths([4, 4, 8, 8]);
/// let mut learn =
///     vision_learner(&digits, "resnet18").options(narrow).size(14, 14).build(&device::cpu()?)?;
/// learn.fit_one_cycle(1, 1e-2)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// For a model of one's own, a [`Head`](crate::layers::Head) turns the feature maps of any body into
/// outputs, [`ResNet::features`](crate::models::ResNet::features) returns those of a ResNet, and
/// [`Learner::new`] takes any model.
pub fn vision_learner<'a>(data: &'a Splits, model: &'a str) -> VisionLearner<'a> {
    VisionLearner {
        data,
        model,
        weights: None,
        reading: ReadOptions::new(),
        size: None,
        channels: None,
        options: ModelOptions::new().head(HeadConfig::fastai()),
        augment: None,
        batch_size: 64,
        seed: Seed::new(42),
    }
}

/// The settings of a learner for images: see [`vision_learner`].
#[derive(Debug, Clone)]
#[must_use = "`build` creates the learner"]
pub struct VisionLearner<'a> {
    data: &'a Splits,
    model: &'a str,
    weights: Option<(StateDict, ImageSpec)>,
    reading: ReadOptions,
    size: Option<[usize; 2]>,
    channels: Option<usize>,
    options: ModelOptions,
    augment: Option<Augment>,
    batch_size: usize,
    seed: Seed,
}

impl VisionLearner<'_> {
    /// Starts from the pretrained weights of the model's name in the
    /// [catalogue](crate::pretrained::catalog), downloaded if they are not in the cache. Images are
    /// prepared as for these weights.
    ///
    /// # Errors
    ///
    /// Those of [`pretrained::load`].
    #[cfg(feature = "download")]
    pub fn pretrained(self) -> Result<Self> {
        let weights = pretrained::load(self.model)?;
        let format = pretrained::find(self.model)?.format();
        Ok(self.weights(weights, format))
    }

    /// Starts from the body of any weights with PyTorch's names, for images of that format.
    ///
    /// ```
    /// use fastburn::models::{ModelOptions, ResNetConfig, StateDict};
    /// use fastburn::prelude::*;
    /// use fastburn::vision::ImageSpec;
    ///
    /// # let device = device::cpu()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("narrow.safetensors");
    /// # let colour = ResNetConfig::resnet18(3, 1000).with_widths([4, 4, 8, 8]);
    /// # StateDict::of(&colour.init(&device, 1)?)?.save(&file)?;
    /// let weights = StateDict::open(&file)?; // such as narrow.safetensors
    /// let format = ImageSpec::new([3, 64, 64]);
    /// let digits = Splits::digits()?;
    /// let learn = vision_learner(&digits, "resnet18")
    ///     .weights(weights, format)
    ///     .options(ModelOptions::new().widths([4, 4, 8, 8]))
    ///     .build(&device)?;
    /// let summary = learn.summary()?;
    /// assert!(summary.frozen > 0); // all of the body but its norms
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn weights(mut self, weights: StateDict, format: ImageSpec) -> Self {
        self.weights = Some((weights, format));
        self
    }

    /// Resizes all images to this size in pixels (default: that of the weights, or of the images).
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.size = Some([height, width]);
        self
    }

    /// Converts all images to grey (1) or colour (3) (default: as the weights take them, or as they
    /// are). The first convolution of weights for colour images is summed over the colours for grey
    /// ones.
    pub fn channels(mut self, channels: usize) -> Self {
        self.channels = Some(channels);
        self
    }

    /// Sets how images are read into memory, such as what happens to unreadable ones; without
    /// weights also their size, channels and scaling.
    pub fn reading(mut self, reading: ReadOptions) -> Self {
        self.reading = reading;
        self
    }

    /// Sets what happens to images in training, such as [`Augment::standard`] (default: nothing).
    pub fn augment(mut self, augment: Augment) -> Self {
        self.augment = Some(augment);
        self
    }

    /// Sets the options of the model, such as its head. Without one, the head is the usual one of
    /// the model.
    pub fn options(mut self, options: ModelOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the batch size (default: 64).
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Sets the random seed (default: 42).
    pub fn seed(mut self, seed: impl Into<Seed>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Reads the images and creates the learner on a device. If it starts from weights, its body is
    /// frozen, except for norms: [`fine_tune`](Learner::fine_tune) trains the head and then all.
    ///
    /// # Errors
    ///
    /// Those of [`Splits::read`]; [`Error::Setting`](crate::Error::Setting) if there is no model of
    /// that name or with these options; those of [`StateDict::transfer_to`].
    pub fn build(self, device: &Device) -> Result<ImageLearner> {
        let mut reading = self.reading;
        if let Some((_, format)) = &self.weights {
            let [height, width] = self.size.unwrap_or([format.height, format.width]);
            let channels = self.channels.unwrap_or(format.channels);
            let format = format.clone().with_size(height, width).with_channels(channels);
            reading = reading.with_format(&format);
        } else {
            if let Some([height, width]) = self.size {
                reading = reading.size(height, width);
            }
            if let Some(channels) = self.channels {
                reading = reading.channels(channels);
            }
        }
        let (train, valid) = self.data.read(&reading, &|_, _| {})?;
        let (shape, classes) = (train.format().shape(), train.classes().len());
        let model = AnyModel::named(self.model)?;
        let architecture = model.architecture(&shape, classes, &self.options)?;
        let model: AnyModel = match &self.weights {
            Some((weights, _)) => weights.transfer_to(&architecture, device, self.seed)?.model,
            None => AnyModel::from_architecture(&architecture, device, self.seed)?,
        };
        let train = match self.augment {
            Some(augment) => train.augment(augment),
            None => train,
        };
        let dls = DataLoaders::from_images(train, valid, class_indices, device);
        let dls = dls.shuffle(self.seed).batch_size(self.batch_size)?;
        let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
        if self.weights.is_some() {
            learn.freeze()?;
        }
        Ok(learn)
    }
}
