//! The format of a model's rows: the names of the features and their scaling.

use serde::{Deserialize, Serialize};

use super::table::Table;
use crate::data::InputFormat;
use crate::error::{Error, Result};
use crate::models::{ModelFile, Registry};

/// A feature of a row, and how it is standardised: `(value - mean) / std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// The name of the column.
    pub name: String,
    /// The mean over the training rows.
    pub mean: f64,
    /// The standard deviation over the training rows (of the population, as scikit-learn's
    /// `StandardScaler`), 1 if all are equal.
    pub std: f64,
}

/// The features of a model's rows, in the order of its inputs.
///
/// ```
/// use fastburn::rows::{RowSpec, Table};
///
/// let table = Table::parse("houses.csv", b"rooms,area,price\n3,70,210\n5,130,365\n")?;
/// let spec = RowSpec::of(&table, &["area", "rooms"])?;
/// assert_eq!(spec.scaled(&[100.0, 5.0])?, [0.0, 1.0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowSpec {
    /// The features.
    pub features: Vec<Feature>,
}

impl RowSpec {
    /// Measures the features of training rows.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] without features or with one that is named twice, and those of
    /// [`Table::numbers`].
    pub fn of(train: &Table, features: &[&str]) -> Result<Self> {
        if features.is_empty() {
            return Err(Error::setting("number of features", 0, "at least 1"));
        }
        let twice = (1..features.len()).find(|&index| features[..index].contains(&features[index]));
        if let Some(index) = twice {
            let name = features[index];
            return Err(Error::setting("features", features.join(", "), format!("{name} once")));
        }
        let feature = |name: &&str| {
            let values = train.numbers(name)?;
            let count = values.len() as f64;
            let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
            let square = |value: f32| (f64::from(value) - mean).powi(2);
            let std = (values.into_iter().map(square).sum::<f64>() / count).sqrt();
            Ok(Feature { name: (*name).to_owned(), mean, std: if std > 0.0 { std } else { 1.0 } })
        };
        Ok(Self { features: features.iter().map(feature).collect::<Result<_>>()? })
    }

    /// Returns a model's inputs for the rows of a table, `[rows, features]` in row-major order.
    ///
    /// # Errors
    ///
    /// Those of [`Table::numbers`].
    pub fn inputs(&self, table: &Table) -> Result<Vec<f32>> {
        let count = self.features.len();
        let mut inputs = vec![0.0; table.len() * count];
        for (index, feature) in self.features.iter().enumerate() {
            let values = table.numbers(&feature.name)?;
            let column = inputs.iter_mut().skip(index).step_by(count);
            column.zip(values).for_each(|(input, value)| *input = feature.scaled(value));
        }
        Ok(inputs)
    }

    /// Returns a model's input for one row of values in the features' order.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of values differs from the number of features,
    /// [`Error::Setting`] if one is NaN or infinite.
    pub fn scaled(&self, row: &[f32]) -> Result<Vec<f32>> {
        if row.len() != self.features.len() {
            let names: Vec<_> = self.features.iter().map(|one| one.name.as_str()).collect();
            return Err(Error::Shape {
                what: "a row",
                expected: format!("{} values: {}", self.features.len(), names.join(", ")),
                found: row.len().to_string(),
            });
        }
        let scaled = |(feature, &value): (&Feature, &f32)| {
            if value.is_finite() {
                return Ok(feature.scaled(value));
            }
            let expected = format!("a finite number for {}", feature.name);
            Err(Error::setting("value of a feature", value, expected))
        };
        self.features.iter().zip(row).map(scaled).collect()
    }
}

impl RowSpec {
    /// Returns the format of the rows of a model file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if its model takes other inputs, or rows of another format.
    pub fn of_model<M: Registry>(file: &ModelFile<M>) -> Result<Self> {
        let failed = |problem: String| file.error(format!("not a model of rows ({problem})"));
        let InputFormat::Rows(format) = &file.card().input else {
            return Err(failed("it takes other inputs".to_owned()));
        };
        let format: Self =
            serde_json::from_value(format.clone()).map_err(|error| failed(error.to_string()))?;
        let usable = |one: &&Feature| one.mean.is_finite() && one.std.is_finite() && one.std > 0.0;
        if let Some(broken) = format.features.iter().find(|one| !usable(one)) {
            let Feature { name, mean, std } = broken;
            return Err(failed(format!("feature {name} has mean {mean} and deviation {std}")));
        }
        let features = format.features.len();
        if features == 0 {
            return Err(failed("no features".to_owned()));
        }
        file.check_input(&[features], format_args!("rows of {features} features"))?;
        Ok(format)
    }
}

impl From<&RowSpec> for InputFormat {
    fn from(format: &RowSpec) -> Self {
        // Names and numbers always convert to JSON.
        Self::Rows(serde_json::to_value(format).unwrap_or_default())
    }
}

impl Feature {
    fn scaled(&self, value: f32) -> f32 {
        ((f64::from(value) - self.mean) / self.std) as f32
    }
}
