//! From a learner to a model file.

use std::path::Path;

use burn::tensor::Tensor;

use super::state::State;
use super::{Learner, Model};
use crate::data::ImageClasses;
use crate::error::{Error, Result};
use crate::loss::Outputs;
use crate::model_file::ModelCard;
use crate::models::{Portable, StateDict};
use crate::whole_file;

/// What a loss of the user's own is called in a model file.
const OWN_LOSS: &str = "custom";

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I, Output = Tensor<2>>,
{
    /// Says how the outputs become probabilities, where the loss is a function of your own.
    ///
    /// [`cross_entropy`](crate::loss::cross_entropy) implies [`Outputs::Softmax`],
    /// [`mnist_loss`](crate::loss::mnist_loss) [`Outputs::Sigmoid`].
    ///
    /// ```
    /// use fastburn::data::{DataLoaders, Reading, Splits, one_hot};
    /// use fastburn::loss::Outputs;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let (train, valid) = Splits::digits()?.read(&Reading::new(), &|_, _| {})?;
    /// let dls = DataLoaders::from_images(train, valid, one_hot, &device);
    /// let model = LinearConfig::new(784, 10).init(&device, 42)?;
    /// let learn = Learner::new(dls, model, mse::<2>).outputs(Outputs::Softmax);
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digits.safetensors");
    /// learn.export(&file)?;
    ///
    /// let predictor = Predictor::load(&file, &device)?;
    /// assert_eq!(predictor.card().classes.len(), 10);
    /// assert_eq!(predictor.card().image.shape(), [1, 28, 28]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn outputs(mut self, outputs: Outputs) -> Self {
        self.state.loss_kind = Some((self.loss_name(), outputs));
        self
    }
}

impl<M: Model<I>, I, T> Learner<M, I, T> {
    /// The loss, by the name that it has in files.
    pub(super) fn loss_name(&self) -> &'static str {
        self.state.loss_kind.map_or(OWN_LOSS, |(name, _)| name)
    }
}

impl<M: Model<I>, I, T> State<M, I, T> {
    /// The classes and the images' format.
    pub(super) fn image_classes(&self) -> Result<&ImageClasses> {
        let expected = "the classes and the images' format are needed; make the loaders with \
                        DataLoaders::from_images, or set image_classes";
        let found = self.dls.image_classes.as_ref();
        found.ok_or_else(|| Error::setting("image_classes", "not set", expected))
    }

    /// The loss's name, and how outputs become probabilities.
    pub(super) fn known_loss(&self) -> Result<(&'static str, Outputs)> {
        let expected = "how outputs become probabilities is needed; say it with Learner::outputs";
        let unknown = || Error::setting("the loss", "a function of your own", expected);
        self.loss_kind.ok_or_else(unknown)
    }
}

impl<M, T> Learner<M, Tensor<4>, T>
where
    M: Model<Tensor<4>, Output = Tensor<2>> + Portable,
    T: Clone,
{
    /// Writes the model as one `.safetensors` file that [`Predictor`](crate::Predictor) loads, and
    /// PyTorch as well.
    ///
    /// [`outputs`](Self::outputs) has an example. The file has the weights under PyTorch's names,
    /// and in its metadata the architecture, the classes, the images' format, the loss and the last
    /// validation.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the data are not images of classes or the loss is not known,
    /// [`Error::Write`] if the file cannot be written, [`Error::Compute`] if the device fails.
    pub fn export(&self, path: impl AsRef<Path>) -> Result<()> {
        self.state.export(path.as_ref())
    }
}

impl<M, T> State<M, Tensor<4>, T>
where
    M: Model<Tensor<4>, Output = Tensor<2>> + Portable,
{
    /// Writes the model as it is now: see [`Learner::export`].
    ///
    /// # Errors
    ///
    /// As [`Learner::export`].
    pub fn export(&self, path: &Path) -> Result<()> {
        let images = self.image_classes()?;
        let (loss, outputs) = self.known_loss()?;
        let history = &self.history;
        let last = self.validation.as_ref();
        let names = history.metric_names.iter().map(String::as_str);
        let metrics = last.map(|found| found.metrics.as_slice()).unwrap_or_default();
        let valid_loss = last.map(|found| ("valid_loss", found.loss));
        let values = names.zip(metrics.iter().copied()).chain(valid_loss);
        let card = ModelCard {
            architecture: self.model().architecture(),
            classes: images.classes.clone(),
            image: images.format.clone(),
            loss: loss.to_owned(),
            outputs,
            // JSON has no word for what is not a number.
            metrics: values
                .filter(|(_, value)| value.is_finite())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            fastburn_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        whole_file::write(path, &card.seal(&StateDict::of(self.model())?)?)
    }
}
