//! From a learner to a model file.

use std::path::Path;

use burn::tensor::Tensor;

use super::state::State;
use super::{Learner, Model};
use crate::error::{Error, Result};
use crate::loss::Outputs;
use crate::model_file::ModelCard;
use crate::models::{Portable, StateDict};
use crate::whole_file;

/// What a loss of the user's own is called in a model file.
const OWN_LOSS: &str = "custom";

impl<M: Model<I>, I, T> Learner<M, I, T> {
    /// The loss, by the name that it has in files.
    pub(super) fn loss_name(&self) -> &'static str {
        self.state.loss_kind.map_or(OWN_LOSS, |(name, _)| name)
    }
}

impl<M, T> Learner<M, Tensor<4>, T>
where
    M: Model<Tensor<4>, Output = Tensor<2>> + Portable,
    T: Clone,
{
    /// Says how the outputs become probabilities, where the loss is a function of your own.
    ///
    /// [`cross_entropy`](crate::loss::cross_entropy) and
    /// [`label_smoothing`](crate::loss::label_smoothing) imply [`Outputs::Softmax`],
    /// [`mnist_loss`](crate::loss::mnist_loss) [`Outputs::Sigmoid`].
    ///
    /// ```
    /// use fastburn::data::{DataLoaders, Splits, one_hot};
    /// use fastburn::loss::Outputs;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let (train, valid) = Splits::digits()?.decode(&|_, _| {})?;
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

    /// Writes the model as one `.safetensors` file that [`Predictor`](crate::Predictor) loads, and
    /// PyTorch as well.
    ///
    /// [`outputs`](Self::outputs) has an example. The file has the weights under PyTorch's names, and in its metadata the architecture, the
    /// classes, the images' format, the loss and the last validation.
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
        let Some(images) = &self.dls.image_classes else {
            let expected = "a model file needs the classes and the images' format; make the \
                            loaders with DataLoaders::from_images, or set image_classes";
            return Err(Error::setting("image_classes", "not set", expected));
        };
        let Some((loss, outputs)) = self.loss_kind else {
            let expected = "a model file says how outputs become probabilities; say it with \
                            Learner::outputs";
            return Err(Error::setting("the loss", "a function of your own", expected));
        };
        let history = &self.history;
        let last = history.epochs.last();
        let names = history.metric_names.iter().map(String::as_str);
        let metrics = last.map(|row| row.metrics.as_slice()).unwrap_or_default();
        let valid_loss = last.and_then(|row| row.valid_loss).map(|loss| ("valid_loss", loss));
        let values = names.zip(metrics.iter().copied()).chain(valid_loss);
        let card = ModelCard {
            architecture: self.model().architecture(),
            classes: images.classes.clone(),
            image: images.format,
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
