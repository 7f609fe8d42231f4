//! The format of a data set's items: what goes into a model, and what comes out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of the augmentation in the format of images.
const AUGMENTATION: &str = "augmentation";

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

impl InputFormat {
    /// Returns the format of images that are augmented in training, by the policy's text.
    pub(crate) fn with_augmentation(mut self, policy: String) -> Self {
        if let Self::Image(Value::Object(image)) = &mut self {
            image.insert(AUGMENTATION.to_owned(), policy.into());
        }
        self
    }

    /// Returns the text of the [policy](crate::vision::augment::Augment) by which images were
    /// augmented in training, if they were.
    pub fn augmentation(&self) -> Option<&str> {
        match self {
            Self::Image(image) => image.get(AUGMENTATION)?.as_str(),
            _ => None,
        }
    }

    /// Returns the shape of an input without the batch, as far as its format tells.
    pub(crate) fn shape(&self) -> Option<Vec<usize>> {
        let size = |value: &Value| usize::try_from(value.as_u64()?).ok();
        match self {
            Self::Image(image) => {
                ["channels", "height", "width"].iter().map(|side| size(image.get(side)?)).collect()
            }
            Self::Rows(rows) => Some(vec![rows.get("features")?.as_array()?.len()]),
            Self::Other(_) => None,
        }
    }
}

impl ItemFormat {
    /// Creates the format of items that belong to classes.
    pub fn of_classes(input: InputFormat, classes: impl Into<Vec<String>>) -> Self {
        Self { input, classes: classes.into(), values: Vec::new() }
    }

    /// Creates the format of items with values, for a regression.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor, TensorData};
    /// use fastburn::data::ItemFormat;
    /// use fastburn::prelude::*;
    /// use fastburn::vision::ReadOptions;
    ///
    /// // The digit of an image as a number, `[batch, 1]`.
    /// fn digit(labels: &[u32], _: usize, device: &Device) -> Tensor<2> {
    ///     let digits: Vec<f32> = labels.iter().map(|&label| label as f32).collect();
    ///     Tensor::from_data(TensorData::new(digits, [labels.len(), 1]), device)
    /// }
    ///
    /// let device = device::cpu()?;
    /// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
    /// let input = train.format().into();
    /// let mut dls = DataLoaders::from_images(train, valid, digit, &device);
    /// dls.items = Some(ItemFormat::of_values(input, ["digit".to_owned()]));
    /// let mut learn = Learner::new(dls, MlpConfig::new([784, 30, 1]).init(&device, 42)?, Mse);
    /// learn.fit(1, 3e-3)?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digit.safetensors");
    /// learn.export(&file)?; // such as digit.safetensors
    ///
    /// let seven = Splits::digits()?.valid.image(700)?;
    /// let values = Predictor::load(&file, &device)?.values_of_pixels(&seven.pixels, seven.shape)?;
    /// assert!((values[0] - 7.0).abs() < 3.0, "{values:?}");
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn of_values(input: InputFormat, names: impl Into<Vec<String>>) -> Self {
        Self { input, classes: Vec::new(), values: names.into() }
    }
}
