//! Predictions for rows of numbers, with a trained model from a model file.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};

use super::spec::RowSpec;
use super::table::Table;
use crate::error::{Error, Result};
use crate::models::{Model, ModelCard, ModelFile, Registry};
use crate::records::Prediction;

/// The number of rows in a batch.
const BATCH: usize = 4096;

/// A model of rows that a [`RowPredictor`] can predict with: one that model files hold, from
/// `[batch, features]` to `[batch, outputs]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model of rows that a model file can hold",
    label = "not a row model of a model file",
    note = "implement `fastburn::models::Model<Tensor<2>, Output = Tensor<2>>`, `TorchNames` and \
            `Exportable` for it, or use `fastburn::registry!`"
)]
pub trait RowModel: Registry + Model<Tensor<2>, Output = Tensor<2>> {}

impl<M: Registry + Model<Tensor<2>, Output = Tensor<2>>> RowModel for M {}

/// A trained model of rows, loaded from a model file, which also holds the names of the features
/// and their scaling.
///
/// ```
/// use fastburn::models::Linear;
/// use fastburn::prelude::*;
/// use fastburn::rows::{RowPredictor, Table};
///
/// // y = 3 a - b
/// let line = |i: i32| format!("{},{},{}\n", i % 7, i % 5, 3 * (i % 7) - i % 5);
/// let csv = "a,b,y\n".to_owned() + &(0..100).map(line).collect::<String>();
/// let (train, valid) = Table::parse("planes.csv", csv.as_bytes())?.split(0.2, 42)?;
///
/// let device = device::cpu()?;
/// let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", &device)?.batch_size(16)?;
/// let mut learn = Learner::new(dls, LinearConfig::new(2, 1).init(&device, 42)?, Mse);
/// learn.fit(200, 0.3)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("planes.safetensors");
/// learn.export(&file)?; // such as planes.safetensors
///
/// let predictor = RowPredictor::<Linear>::load(&file, &device)?;
/// assert_eq!(predictor.card().values, ["y"]);
/// let y = predictor.values_of_row(&[10.0, 20.0])?[0];
/// assert!((y - 10.0).abs() < 0.5, "{y}");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RowPredictor<M> {
    file: ModelFile<M>,
    format: RowSpec,
    device: Device,
}

impl<M: RowModel> RowPredictor<M> {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read; [`Error::File`] if it is damaged or not the model file
    /// of a model of rows of this type; [`Error::Newer`] if a newer fastburn wrote it in an unknown
    /// format.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::of_file(ModelFile::load_as(path, device)?, device)
    }

    /// Reads a model from the contents of a model file, for example from `include_bytes!`.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::of_file(ModelFile::from_bytes_as(bytes, device)?, device)
    }

    fn of_file(file: ModelFile<M>, device: &Device) -> Result<Self> {
        let format = RowSpec::of_model(&file)?;
        Ok(Self { file, format, device: device.clone().inner() })
    }

    /// Returns the description of the model from the model file.
    pub fn card(&self) -> &ModelCard {
        self.file.card()
    }

    /// Returns the features of a row, in the order of its values.
    pub fn format(&self) -> &RowSpec {
        &self.format
    }

    /// Returns the model.
    pub fn model(&self) -> &M {
        self.file.model()
    }

    /// Classifies a row of values, in the order of the features.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if it has another number of values, [`Error::Setting`] if one is NaN or
    /// infinite, [`Error::Usage`] if the model predicts values, [`Error::Compute`] if the device
    /// fails.
    pub fn predict_row(&self, row: &[f32]) -> Result<Prediction> {
        self.file.check_classes()?;
        let mut answers = self.file.predictions(&self.outputs(&self.format.scaled(row)?)?)?;
        answers.pop().ok_or_else(|| Error::compute("predict", "no outputs"))
    }

    /// Classifies each row of a table, whose columns are found by the names of the features.
    ///
    /// # Errors
    ///
    /// Those of [`Table::numbers`], [`Error::Usage`] if the model predicts values,
    /// [`Error::Compute`] if the device fails.
    pub fn predict_table(&self, table: &Table) -> Result<Vec<Prediction>> {
        self.file.check_classes()?;
        self.file.predictions(&self.outputs(&self.format.inputs(table)?)?)
    }

    /// Returns the values that a regression predicts for a row, in the order of
    /// [`ModelCard::values`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if it has another number of values, [`Error::Setting`] if one is NaN or
    /// infinite, [`Error::Usage`] if the model predicts classes, [`Error::Compute`] if the device
    /// fails.
    pub fn values_of_row(&self, row: &[f32]) -> Result<Vec<f32>> {
        self.file.check_values()?;
        let mut values = self.outputs(&self.format.scaled(row)?)?;
        values.pop().ok_or_else(|| Error::compute("predict", "no outputs"))
    }

    /// Returns the values that a regression predicts for each row of a table, whose columns are
    /// found by the names of the features.
    ///
    /// # Errors
    ///
    /// Those of [`Table::numbers`], [`Error::Usage`] if the model predicts classes,
    /// [`Error::Compute`] if the device fails.
    pub fn values_of_table(&self, table: &Table) -> Result<Vec<Vec<f32>>> {
        self.file.check_values()?;
        self.outputs(&self.format.inputs(table)?)
    }

    /// Returns the outputs for rows of inputs, `[rows, features]`.
    fn outputs(&self, inputs: &[f32]) -> Result<Vec<Vec<f32>>> {
        let features = self.format.features.len();
        let mut outputs = Vec::new();
        for batch in inputs.chunks(BATCH * features) {
            let shape = [batch.len() / features, features];
            let batch = Tensor::from_data(TensorData::new(batch.to_vec(), shape), &self.device);
            outputs.extend(self.file.outputs(batch)?);
        }
        Ok(outputs)
    }
}
