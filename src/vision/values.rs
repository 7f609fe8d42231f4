//! The values that a regression predicts for images.

use std::path::Path;

use burn::tensor::Tensor;

use super::predictor::{ImageModel, Predictor, prepare};
use crate::error::{Error, Result};

impl<M: ImageModel> Predictor<M> {
    /// Returns the values that a regression predicts for an image file, in the order of
    /// [`ModelCard::values`](crate::models::ModelCard::values).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the model predicts classes, and those of
    /// [`predict_file`](Self::predict_file).
    pub fn values_of_file(&self, path: impl AsRef<Path>) -> Result<Vec<f32>> {
        self.file.check_values()?;
        let (pixels, _) = prepare(&self.format, path.as_ref())?;
        self.values_of_one(&pixels)
    }

    /// Returns the values that a regression predicts for an image, given the contents of an image
    /// file.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the model predicts classes, and those of
    /// [`predict_bytes`](Self::predict_bytes).
    pub fn values_of_bytes(&self, bytes: &[u8]) -> Result<Vec<f32>> {
        self.file.check_values()?;
        let (pixels, _) = self.format.decode(bytes, "the image")?;
        self.values_of_one(&pixels)
    }

    /// Returns the values that a regression predicts for an image: see
    /// [`predict_pixels`](Self::predict_pixels).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the model predicts classes, and those of
    /// [`predict_pixels`](Self::predict_pixels).
    pub fn values_of_pixels(&self, pixels: &[u8], shape: [usize; 3]) -> Result<Vec<f32>> {
        self.file.check_values()?;
        let (pixels, _) = self.format.adapt(pixels, shape)?;
        self.values_of_one(&pixels)
    }

    /// Returns the values that a regression predicts for each image of a batch: see
    /// [`predict_batch`](Self::predict_batch).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the model predicts classes, and those of
    /// [`predict_batch`](Self::predict_batch).
    pub fn values_of_batch(&self, batch: Tensor<4>) -> Result<Vec<Vec<f32>>> {
        self.file.check_values()?;
        self.outputs(batch)
    }

    fn values_of_one(&self, pixels: &[u8]) -> Result<Vec<f32>> {
        let mut values = self.outputs_for(&[pixels])?;
        values.pop().ok_or_else(|| Error::compute("predict", "no outputs"))
    }
}
