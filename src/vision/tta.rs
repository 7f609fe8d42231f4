//! Test-time augmentation by a predictor.

use super::augment::Augment;
use super::predictor::{ImageModel, Predictor};
use super::training_images::augmented_batch;
use crate::checks;
use crate::error::{Error, Result};
use crate::loss::Outputs;

impl<M: ImageModel> Predictor<M> {
    /// Predicts images by test-time augmentation: `passes` times augmented as in training, and once
    /// as they are: fastai's `tta`. Probabilities and values are mixed as by
    /// [`Learner::tta`](crate::learner::Learner::tta). A pass does the same to every image, so that
    /// the answer for one does not depend on others, and crops show parts of what the model would see
    /// without them.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] without any pass, or with more than 1000; [`Error::File`] if the model was
    /// trained without augmentation, or with one that only its own program knows:
    /// [`with_tta`](Self::with_tta) takes any.
    pub fn tta(self, passes: usize) -> Result<Self> {
        let failed = |problem: &str| self.file.error(problem.to_owned());
        let text = self.card().input.augmentation();
        let text = text.ok_or_else(|| {
            let problem = failed("the model was trained without augmentation");
            problem.with_remedy("name a policy, with `Predictor::with_tta`".into())
        })?;
        let augment = text.parse().map_err(|error: Error| failed(&error.to_string()))?;
        self.with_tta(passes, augment)
    }

    /// Predicts images by test-time augmentation with that policy: see [`tta`](Self::tta).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] without any pass, or with more than 1000.
    pub fn with_tta(mut self, passes: usize, augment: Augment) -> Result<Self> {
        checks::passes(passes)?;
        self.tta = Some((passes, augment.into()));
        Ok(self)
    }

    /// Returns the outputs for images in the model's format; by test-time augmentation, outputs that
    /// stand for its probabilities.
    pub(super) fn outputs_for(&self, images: &[&[u8]]) -> Result<Vec<Vec<f32>>> {
        let mut outputs = self.outputs(self.format.batch(images, &self.device))?;
        let Some((passes, augment)) = &self.tta else { return Ok(outputs) };
        let (kind, classes) = (self.file.card().outputs, self.file.card().classes.len());
        let answer = |outputs: &[f32]| match kind {
            Outputs::Values => outputs.to_vec(),
            _ => kind.probabilities(outputs, classes),
        };
        let plain: Vec<_> = outputs.iter().map(|outputs| answer(outputs)).collect();
        let mut sums: Vec<_> = plain.iter().map(|plain| vec![0.0; plain.len()]).collect();
        for pass in 0..*passes {
            let batch = augmented_batch(augment, &self.format, images, pass, &self.device)?;
            for (outputs, sum) in self.outputs(batch)?.iter().zip(&mut sums) {
                sum.iter_mut().zip(answer(outputs)).for_each(|(sum, value)| *sum += value);
            }
        }
        for ((outputs, plain), sum) in outputs.iter_mut().zip(plain).zip(sums) {
            let mean = Outputs::with_augmented(&plain, &sum, *passes);
            *outputs = kind.of_probabilities(&mean);
        }
        Ok(outputs)
    }
}
