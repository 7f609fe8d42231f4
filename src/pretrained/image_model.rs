//! Models of images with pretrained weights.

use burn::tensor::Device;

use super::weights::{Preprocessing, PretrainedWeights};
use crate::error::Result;
use crate::loss::{CrossEntropy, Loss, Outputs};
use crate::models::{AnyModel, ModelCard, ModelOptions, Registry, StateDict};
use crate::vision::{ImageSpec, Predictor, ResizeMethod, Scaling};

impl PretrainedWeights {
    /// Returns the format of the images that the weights take.
    ///
    /// ```
    /// let resnet = fastburn::pretrained::find("resnet50")?;
    /// assert_eq!(
    ///     resnet.format().to_string(),
    ///     "224×224 pixels, colour, normalised with mean 0.4850, 0.4560, 0.4060 and std 0.2290, \
    ///      0.2240, 0.2250, shorter side resized to 232, cropped at the centre"
    /// );
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn format(&self) -> ImageSpec {
        let Preprocessing { resize, crop, filter, mean, std } = self.preprocessing;
        ImageSpec {
            scaling: Scaling::Standard { mean: mean.to_vec(), std: std.to_vec() },
            filter,
            resize: ResizeMethod::Crop { shorter_side: resize },
            ..ImageSpec::new([3, crop, crop])
        }
    }

    /// Returns a predictor of the classes that the weights were trained on.
    ///
    /// ```no_run
    /// let resnet = fastburn::pretrained::find("resnet18")?;
    /// let weights = fastburn::pretrained::load("resnet18")?;
    /// let predictor = resnet.predictor(&weights, &fastburn::device::cpu()?)?;
    /// println!("{}", predictor.predict_file("photo.jpg")?.label());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if there is no model of the name of the
    /// architecture; [`Error::File`](crate::Error::File) if the weights are those of another model.
    pub fn predictor(&self, weights: &StateDict, device: &Device) -> Result<Predictor> {
        let (format, classes) = (self.format(), self.classes.to_vec());
        let model = AnyModel::named(&self.architecture)?;
        let architecture =
            model.architecture(&format.shape(), classes.len(), &ModelOptions::new())?;
        let mut model = AnyModel::from_architecture(&architecture, device, 0)?;
        weights.load_into(&mut model)?;
        let card = ModelCard {
            architecture,
            classes,
            values: Vec::new(),
            input: (&format).into(),
            loss: CrossEntropy::new().name().to_owned(),
            outputs: Outputs::Softmax,
            metrics: self.top1.map(|top1| ("accuracy".to_owned(), top1)).into_iter().collect(),
            fastburn_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Predictor::from_bytes(&card.seal(&model)?, device)
    }
}
