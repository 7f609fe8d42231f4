//! The predictions of a trained model for a whole data set.

use rayon::prelude::*;

use super::images::Images;
use super::predictor::{ImageModel, Predictor};
use crate::error::{Error, Result};
use crate::printable::list_of;
use crate::records::{Interpretation, Outcome};

impl<M: ImageModel> Predictor<M> {
    /// Classifies every image of a data set and compares the predictions with the labels.
    ///
    /// Classes are matched by name, and the model may have additional ones. Images of another size
    /// or number of channels are converted. The loss is the one that fits the model's outputs, see
    /// [`Outputs::loss`](crate::loss::Outputs::loss).
    ///
    /// ```
    /// use fastburn::loss::CrossEntropy;
    /// use fastburn::vision::Predictor;
    /// use fastburn::vision::{Images, Splits};
    ///
    /// # let device = fastburn::device::cpu()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("digits.safetensors");
    /// # let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// # let model = fastburn::models::LinearConfig::new(784, 10).init(&device, 42)?;
    /// # let mut learn = fastburn::learner::Learner::new(dls, model, fastburn::loss::CrossEntropy::new());
    /// # learn.fit(1, 1e-3)?;
    /// # learn.export(&file)?;
    /// let predictor = Predictor::load(&file, &device)?;
    /// let seen = predictor.interpret(&Images::decode(&Splits::digits()?.valid)?)?;
    /// assert!(seen.accuracy() > 0.7);
    /// println!("{}", seen.report());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the images have a class that the model lacks, [`Error::Usage`] if it
    /// predicts values, [`Error::Compute`] if the device fails, and any error in reading streamed
    /// images.
    pub fn interpret(&self, images: &Images) -> Result<Interpretation> {
        self.file.check_classes()?;
        let known: Vec<_> =
            images.classes().iter().map(|class| self.class(class)).collect::<Result<_>>()?;
        let (kind, classes) = (self.file.card().outputs, self.file.card().classes.len());
        // Pixels that were cropped for this model must not be cropped again.
        let is_prepared = images.format().has_pixels_of(&self.format);
        let mut items = Vec::new();
        images.for_each_batch(self.images_at_once(), |indices, batch| {
            // Not `self`: a model need not be `Sync`.
            let format = &self.format;
            let outputs = if is_prepared {
                self.outputs_for(batch)?
            } else {
                let adapt = |pixels: &&[u8]| format.adapt(pixels, images.shape());
                let prepared = batch.par_iter().map(adapt).collect::<Result<Vec<_>>>()?;
                let pixels: Vec<_> = prepared.iter().map(|(pixels, _)| pixels.as_slice()).collect();
                self.outputs_for(&pixels)?
            };
            items.extend(indices.iter().zip(outputs).map(|(&index, outputs)| {
                let index = index as usize;
                let actual = known[images.labels()[index] as usize];
                let loss = kind.loss(&outputs, actual, classes);
                Outcome::new(index, actual, loss, kind.probabilities(&outputs, classes))
            }));
            Ok(())
        })?;
        Ok(Interpretation { classes: self.file.card().classes.clone(), items })
    }

    /// Returns the index of the class called `name`.
    fn class(&self, name: &str) -> Result<usize> {
        let classes = &self.file.card().classes;
        let class = classes.iter().position(|class| class == name);
        class.ok_or_else(|| Error::Shape {
            what: "images for this model",
            expected: format!("the classes {}", list_of(3, classes)),
            found: format!("the class {name}"),
        })
    }
}
