//! Transfer learning: a trained model as the start of another.

use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::predictor::ImageModel;
use super::spec::ImageSpec;
use crate::error::Result;
use crate::models::{AnyModel, ModelCard, ModelFile, TransferredModel};
use crate::seed::Seed;

/// A trained model from a model file, whose body is reused to learn other classes.
///
/// The head of a model is its last [layer group](crate::models::Model::layer_groups): of fastburn's
/// models the last layer, with one output per class. The body is everything before it, which turns
/// an image into features. Features learnt on one data set often suit another.
///
/// ```
/// use fastburn::vision::PretrainedModel;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new());
/// learn.fit(1, 3e-3)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("digits.safetensors");
/// learn.export(&file)?; // such as digits.safetensors
///
/// // Reuse the features of a model for ten digits to classify three of them.
/// let few = Splits::digits()?.with_classes(&["3", "5", "8"])?.loaders(64, 42, &device)?;
/// let transferred = PretrainedModel::load(&file, &device)?.model_for(3, 42)?;
/// assert_eq!(
///     transferred.to_string(),
///     "loaded  0.bias [30], 0.weight [30, 784]\n\
///      made    2.bias [3], 2.weight [3, 30]"
/// );
///
/// // Train only the new head first. `unfreeze()` then adds the body, as `fine_tune` does.
/// let mut learn =
///     Learner::new(few, transferred.model, CrossEntropy::new()).metric(accuracy());
/// learn.freeze()?;
/// learn.fit(3, 3e-3)?;
/// assert!(learn.validate()?.metrics[0] > 0.8);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PretrainedModel<M = AnyModel> {
    file: ModelFile<M>,
    format: ImageSpec,
    new_head: bool,
}

impl PretrainedModel {
    /// Reads a model file of one of fastburn's own models.
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::load_as(path, device)
    }

    /// Reads a model from the contents of a model file, for example from `include_bytes!`.
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::from_bytes_as(bytes, device)
    }

    /// Reads a model file of a model of one's own, or of one of the kinds in a
    /// [`registry!`](crate::registry).
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn load_as<M: ImageModel>(
        path: impl AsRef<Path>,
        device: &Device,
    ) -> Result<PretrainedModel<M>> {
        PretrainedModel::of_file(ModelFile::load_as(path, device)?)
    }

    /// Reads a model from the contents of a model file: see [`load_as`](Self::load_as).
    ///
    /// # Errors
    ///
    /// Those of [`Predictor::load`](crate::vision::Predictor::load).
    pub fn from_bytes_as<M: ImageModel>(
        bytes: &[u8],
        device: &Device,
    ) -> Result<PretrainedModel<M>> {
        PretrainedModel::of_file(ModelFile::from_bytes_as(bytes, device)?)
    }
}

impl<M: ImageModel> PretrainedModel<M> {
    fn of_file(file: ModelFile<M>) -> Result<Self> {
        Ok(Self { format: ImageSpec::of_model(&file)?, file, new_head: false })
    }

    /// Returns the description of the model from the model file.
    pub fn card(&self) -> &ModelCard {
        self.file.card()
    }

    /// Returns the format of the images that the model was trained on.
    pub fn format(&self) -> &ImageSpec {
        &self.format
    }

    /// Makes a new head even if the number of classes stays the same, for example for ten letters
    /// after ten digits.
    pub fn with_new_head(mut self) -> Self {
        self.new_head = true;
        self
    }

    /// Checks that images have the size, channels and scaling that the model was trained on, and
    /// were cropped in the same way.
    ///
    /// [`Images::format`](super::Images::format) returns the format of the new images.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if they differ. It names both formats.
    pub fn check_images(&self, images: &ImageSpec) -> Result<()> {
        let own = &self.format;
        if images.shape() == own.shape()
            && images.scaling == own.scaling
            && images.resize == own.resize
        {
            return Ok(());
        }
        Err(self.file.error(format!("a model for images of {own}; found images of {images}")))
    }

    /// Returns the model with `outputs` outputs: one per class, or one per value.
    ///
    /// The body keeps its trained weights. The head keeps them if it already has as many outputs,
    /// unless [`with_new_head`](Self::with_new_head) was called. A new head gets the initial
    /// weights of a new model with the same random seed.
    ///
    /// # Errors
    ///
    /// Those of [`ModelFile::model_for`].
    pub fn model_for(&self, outputs: usize, seed: impl Into<Seed>) -> Result<TransferredModel<M>> {
        if self.new_head {
            self.file.model_with_new_head::<Tensor<4>>(outputs, seed)
        } else {
            self.file.model_for::<Tensor<4>>(outputs, seed)
        }
    }
}
