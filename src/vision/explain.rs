//! Explanations of predictions: where a trained model looks in an image.

use std::path::Path;

use burn::tensor::Tensor;

use super::predictor::{ImageModel, Predictor, PreparedImage, prepare, with_adaptation};
use crate::error::{Error, Result};
use crate::models::{grad_cam, saliency};
use crate::printable::list_of;
use crate::records::{Attribution, Explanation};

/// The number of classes that a message names.
const MOST_NAMED: usize = 20;

impl<M: ImageModel> Predictor<M> {
    /// Shows where in an image file the model looks to decide on a class: the one of that name, or
    /// without a name the predicted one.
    ///
    /// The method is Grad-CAM ([`grad_cam`]): the heat is what speaks for the class. For a model
    /// without feature maps it is [`saliency`]: the pixels that change the class's output, for or
    /// against it. Heat tells where the model looks, not whether it is right to look there.
    ///
    /// ```
    /// use fastburn::models::ConvNetConfig;
    /// use fastburn::prelude::*;
    ///
    /// # let device = device::cpu()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digits.safetensors");
    /// # let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// # let model = ConvNetConfig::new(1, [4, 8], 10).init(&device, 42)?;
    /// # let learn = Learner::new(dls, model, CrossEntropy::new());
    /// # learn.export(&file)?;
    /// # let image = folder.path().join("seven.png");
    /// # let seven = Splits::digits()?.valid.image(700)?;
    /// # image::save_buffer(&image, &seven.pixels, 28, 28, image::ExtendedColorType::L8).unwrap();
    /// let predictor = Predictor::load(&file, &device)?; // such as digits.safetensors
    /// let explanation = predictor.explain_file(&image, Some("7"))?; // such as seven.png
    /// assert_eq!((explanation.label(), explanation.heat_size), ("7", [14, 14]));
    /// println!("{} looks at {:?}", explanation.method, explanation.hottest());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the model has no class of that name, and those of
    /// [`predict_file`](Self::predict_file).
    pub fn explain_file(&self, path: impl AsRef<Path>, class: Option<&str>) -> Result<Explanation> {
        let class = self.class_to_explain(class)?;
        self.explain_prepared(prepare(&self.format, path.as_ref())?, class)
    }

    /// Shows where in an image the model looks to decide on a class, given the contents of an image
    /// file: see [`explain_file`](Self::explain_file).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the model has no class of that name, and those of
    /// [`predict_bytes`](Self::predict_bytes).
    pub fn explain_bytes(&self, bytes: &[u8], class: Option<&str>) -> Result<Explanation> {
        let class = self.class_to_explain(class)?;
        self.explain_prepared(self.format.decode(bytes, "the image")?, class)
    }

    /// Shows where in an image the model looks to decide on a class, given the pixels
    /// `[channels, height, width]`: see [`explain_file`](Self::explain_file).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the model has no class of that name, and those of
    /// [`predict_pixels`](Self::predict_pixels).
    pub fn explain_pixels(
        &self,
        pixels: &[u8],
        shape: [usize; 3],
        class: Option<&str>,
    ) -> Result<Explanation> {
        let class = self.class_to_explain(class)?;
        self.explain_prepared(self.format.adapt(pixels, shape)?, class)
    }

    /// Returns the index of the class of that name, if one is given.
    fn class_to_explain(&self, name: Option<&str>) -> Result<Option<usize>> {
        self.file.check_classes()?;
        let Some(name) = name else { return Ok(None) };
        let classes = &self.file.card().classes;
        let class = classes.iter().position(|class| class == name);
        let expected = || format!("one of the model's classes: {}", list_of(MOST_NAMED, classes));
        class.map(Some).ok_or_else(|| Error::setting("class", name, expected()))
    }

    fn explain_prepared(
        &self,
        (pixels, adapted): PreparedImage,
        class: Option<usize>,
    ) -> Result<Explanation> {
        let batch = self.format.batch(&[&pixels], &self.device);
        let mut answers = self.predict_batch(batch.clone())?;
        let answer = answers.pop().ok_or_else(|| Error::compute("predict", "no outputs"))?;
        let class = class.unwrap_or(answer.class());
        let classes = answer.classes.len();
        let score = |outputs| score_of(class, classes, outputs);
        let (method, heat) = match grad_cam(self.model(), batch.clone(), score)? {
            Some(heat) => (Attribution::GradCam, heat),
            None => (Attribution::Saliency, saliency(self.model(), batch, score)?),
        };
        let [_, heat_size @ ..] = heat.dims();
        let heat = heat.try_into_vec_as::<f32>();
        let heat = heat.map_err(|error| Error::compute("explain a prediction", error))?;
        Ok(Explanation {
            prediction: with_adaptation(answer, adapted),
            class,
            method,
            heat: relative(heat),
            heat_size,
            pixels,
            shape: self.format.shape(),
        })
    }
}

/// Returns the output of a class.
fn score_of(class: usize, classes: usize, outputs: Tensor<2>) -> Tensor<1> {
    if outputs.dims()[1] == classes {
        outputs.narrow(1, class, 1).sum()
    } else if class == 0 {
        // A single output is that of the second of two classes, and speaks against the first.
        -outputs.sum()
    } else {
        outputs.sum()
    }
}

/// Divides the values by the largest one, unless all are 0.
fn relative(mut heat: Vec<f32>) -> Vec<f32> {
    let most = heat.iter().copied().fold(0.0, f32::max);
    if most > 0.0 {
        heat.iter_mut().for_each(|heat| *heat /= most);
    }
    heat
}
