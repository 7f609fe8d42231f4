//! Export of a learner's model to a model file.

use std::path::Path;

use burn::tensor::Tensor;

use super::builder::Learner;
use super::state::State;
use super::task::Task;
use crate::data::ItemFormat;
use crate::error::{Error, Remedy, Result};
use crate::files::atomic;
use crate::loss::Outputs;
use crate::models::{ModelCard, Registry};

impl<T: Task<Output = Tensor<2>>> Learner<T> {
    /// Sets how the outputs become probabilities, for a custom loss.
    ///
    /// [`CrossEntropy`](crate::loss::CrossEntropy) implies [`Outputs::Softmax`],
    /// [`MnistLoss`](crate::loss::MnistLoss) [`Outputs::Sigmoid`].
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
    /// let learn = Learner::new(dls, model, Mse).outputs(Outputs::Softmax);
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
        self.set_outputs(outputs);
        self
    }

    /// Sets how the outputs become probabilities: see [`outputs`](Self::outputs).
    pub fn set_outputs(&mut self, outputs: Outputs) {
        self.state.given_outputs = Some(outputs);
    }
}

impl<T: Task> Learner<T> {
    /// Returns the name of the loss, as used in files.
    pub(super) fn loss_name(&self) -> &str {
        self.state.loss_function.name()
    }
}

impl<T: Task> State<T> {
    /// Returns the classes and the input format.
    pub(super) fn items(&self) -> Result<&ItemFormat> {
        self.dls.items.as_ref().ok_or_else(|| {
            let advice = "create the loaders with DataLoaders::from_images or from_rows, or set \
                          DataLoaders::items to an ItemFormat";
            Error::usage("the classes and the input format are unknown").with_remedy(advice.into())
        })
    }

    /// Returns what outputs are: values if the data has values, otherwise what the loss implies.
    pub(super) fn known_outputs(&self) -> Result<Outputs> {
        let has_values = self.dls.items.as_ref().is_some_and(|items| !items.values.is_empty());
        let implied = || has_values.then_some(Outputs::Values).or(self.loss_function.outputs());
        self.given_outputs.or_else(implied).ok_or_else(|| {
            let loss = self.loss_function.name();
            let problem = format!("cannot tell how outputs become predictions for a {loss} loss");
            Error::usage(problem).with_remedy(Remedy::SetOutputs)
        })
    }
}

impl<T: Task<Output = Tensor<2>>> Learner<T> {
    /// Writes the model to one `.safetensors` file, which [`Predictor`](crate::vision::Predictor)
    /// and PyTorch can load.
    ///
    /// The file holds the weights under PyTorch's names. Its metadata holds the architecture, the
    /// classes or values, the input format, the loss and the last validation.
    /// [`outputs`](Self::outputs) has an example.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the classes are unknown or the loss does not imply the
    /// [`outputs`](Self::outputs), [`Error::File`] if the file could not be loaded again: classes,
    /// inputs or weights do not fit the model's configuration, or a weight is NaN;
    /// [`Error::Setting`] if the configuration has no JSON form, [`Error::Write`] if the file
    /// cannot be written, [`Error::Compute`] if the device fails.
    pub fn export(&self, path: impl AsRef<Path>) -> Result<()>
    where
        T::Model: Registry,
    {
        self.state.export(path.as_ref())
    }
}

impl<T: Task<Output = Tensor<2>>> State<T>
where
    T::Model: Registry,
{
    /// Writes the current model: see [`Learner::export`].
    ///
    /// # Errors
    ///
    /// See [`Learner::export`].
    pub fn export(&self, path: &Path) -> Result<()> {
        let items = self.items()?;
        let outputs = self.known_outputs()?;
        let history = &self.history;
        let last = self.validation.as_ref();
        let names = history.metric_names.iter().map(String::as_str);
        let metrics = last.map(|last| last.metrics.as_slice()).unwrap_or_default();
        let valid_loss = last.map(|last| ("valid_loss", last.loss));
        let values = names.zip(metrics.iter().copied()).chain(valid_loss);
        let card = ModelCard {
            architecture: self.model().architecture()?,
            classes: items.classes.clone(),
            values: items.values.clone(),
            input: items.input.clone(),
            loss: self.loss_function.name().to_owned(),
            outputs,
            // JSON has no NaN or infinity.
            metrics: values
                .filter(|(_, value)| value.is_finite())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            fastburn_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        atomic::write(path, &card.seal(self.model())?)
    }
}
