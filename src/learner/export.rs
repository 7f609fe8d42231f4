//! From a learner to a model file.

use std::path::Path;

use burn::tensor::Tensor;

use super::build::Learner;
use super::state::State;
use crate::data::ItemFormat;
use crate::error::{Error, Remedy, Result};
use crate::files::atomic;
use crate::loss::Outputs;
use crate::models::{Model, ModelCard, Portable, StateDict};

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
    /// use fastburn::data::{DataLoaders, one_hot};
    /// use fastburn::vision::{ReadOptions, Splits};
    /// use fastburn::loss::Outputs;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
    /// let dls = DataLoaders::from_images(train, valid, one_hot, &device);
    /// let model = LinearConfig::new(784, 10).init(&device, 42)?;
    /// let learn = Learner::new(dls, model, mse::<2>).outputs(Outputs::Softmax);
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digits.safetensors");
    /// learn.export(&file)?;
    ///
    /// let predictor = Predictor::load(&file, &device)?;
    /// assert_eq!(predictor.card().classes.len(), 10);
    /// assert_eq!(predictor.format().shape(), [1, 28, 28]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn outputs(mut self, outputs: Outputs) -> Self {
        self.state.given_outputs = Some(outputs);
        self
    }
}

impl<M: Model<I>, I, T> Learner<M, I, T> {
    /// The loss, by the name that it has in files.
    pub(super) fn loss_name(&self) -> &'static str {
        self.state.loss_function.name()
    }
}

impl<M: Model<I>, I, T> State<M, I, T> {
    /// The classes, and the format of the inputs.
    pub(super) fn items(&self) -> Result<&ItemFormat> {
        self.dls.items.as_ref().ok_or_else(|| {
            let advice =
                "make the loaders with DataLoaders::from_images, or set DataLoaders::items";
            Error::usage("the classes and the format of the inputs are not known")
                .with_remedy(advice.into())
        })
    }

    /// How outputs become probabilities.
    pub(super) fn known_outputs(&self) -> Result<Outputs> {
        self.given_outputs.or_else(|| self.loss_function.outputs()).ok_or_else(|| {
            let loss = self.loss_function.name();
            let problem = format!("how outputs become predictions is not known for a {loss} loss");
            Error::usage(problem).with_remedy(Remedy::SetOutputs)
        })
    }
}

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I, Output = Tensor<2>> + Portable,
{
    /// Writes the model as one `.safetensors` file that [`Predictor`](crate::vision::Predictor) loads, and
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

impl<M, I, T> State<M, I, T>
where
    M: Model<I, Output = Tensor<2>> + Portable,
{
    /// Writes the model as it is now: see [`Learner::export`].
    ///
    /// # Errors
    ///
    /// As [`Learner::export`].
    pub fn export(&self, path: &Path) -> Result<()> {
        let items = self.items()?;
        let outputs = self.known_outputs()?;
        let history = &self.history;
        let last = self.validation.as_ref();
        let names = history.metric_names.iter().map(String::as_str);
        let metrics = last.map(|found| found.metrics.as_slice()).unwrap_or_default();
        let valid_loss = last.map(|found| ("valid_loss", found.loss));
        let values = names.zip(metrics.iter().copied()).chain(valid_loss);
        let card = ModelCard {
            architecture: self.model().architecture(),
            classes: items.classes.clone(),
            input: items.input.clone(),
            loss: self.loss_function.name().to_owned(),
            outputs,
            // JSON has no word for what is not a number.
            metrics: values
                .filter(|(_, value)| value.is_finite())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            fastburn_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        atomic::write(path, &card.seal(&StateDict::of(self.model())?)?)
    }
}
