//! The format of a data set's items: what goes into a model, and what comes out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The format of a data set's items. A model file stores that of the training data.
///
/// ```
/// use fastburn::data::{InputFormat, ItemFormat};
///
/// let device = fastburn::device::cpu()?;
/// let dls = fastburn::vision::Splits::digits()?.loaders(64, 42, &device)?;
/// let items = dls.items.unwrap();
/// assert_eq!(items.classes.len(), 10);
/// assert!(matches!(items.input, InputFormat::Image(format) if format["width"] == 28));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ItemFormat {
    /// The format of the inputs.
    pub input: InputFormat,
    /// The class names; a label is an index into them. None for a regression.
    pub classes: Vec<String>,
    /// The names of the values that a regression predicts, in the order of the model's outputs.
    pub values: Vec<String>,
}

/// The format of a model's inputs, as JSON.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputFormat {
    /// Images: an [`ImageSpec`](crate::vision::ImageSpec).
    Image(Value),
    /// Rows of named features: a [`RowSpec`](crate::rows::RowSpec).
    Rows(Value),
    /// Inputs of another kind, in whatever form a program wants to read again.
    Other(Value),
}

impl ItemFormat {
    /// Creates the format of items that belong to classes.
    pub fn of_classes(input: InputFormat, classes: impl Into<Vec<String>>) -> Self {
        Self { input, classes: classes.into(), values: Vec::new() }
    }

    /// Creates the format of items with values, for a regression.
    pub fn of_values(input: InputFormat, names: impl Into<Vec<String>>) -> Self {
        Self { input, classes: Vec::new(), values: names.into() }
    }
}
