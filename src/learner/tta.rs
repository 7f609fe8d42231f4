//! Test-time augmentation.

use burn::module::Module;
use burn::tensor::Tensor;

use super::builder::Learner;
use super::interpret::check_finite;
use super::task::Task;
use crate::checks;
use crate::data::{ClassTargets, Order};
use crate::error::{Error, Result};
use crate::loss::Outputs;
use crate::models::Model;
use crate::records::{Interpretation, Outcome};

impl<T: Task<Output = Tensor<2>>> Learner<T>
where
    T::Target: ClassTargets,
{
    /// Predicts the validation set by test-time augmentation: several passes over items that are
    /// augmented as in training, and one over them as they are. fastai's `tta`.
    ///
    /// The probabilities are the mean of the augmented passes, with a weight of ¾, and those of the
    /// plain one. The loss of an item is the one of these probabilities that suits the
    /// [`outputs`](Self::outputs). Draws are those of one epoch for each pass, with the seed of the
    /// validation loader, usually 0.
    ///
    /// ```
    /// use fastburn::data::class_indices;
    /// use fastburn::prelude::*;
    /// use fastburn::vision::ReadOptions;
    /// use fastburn::vision::augment::Augment;
    ///
    /// let device = device::cpu()?;
    /// let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
    /// let train = train.augment(Augment::digits());
    /// let dls = DataLoaders::from_images(train, valid, class_indices, &device);
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new());
    /// learn.fit(1, 3e-3)?;
    /// println!("{}", learn.tta(4)?.accuracy());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`interpret`](Self::interpret); [`Error::Setting`] without any pass, or with more
    /// than 1000; [`Error::Usage`] if the validation set is not augmented.
    pub fn tta(&self, passes: usize) -> Result<Interpretation> {
        checks::passes(passes)?;
        let valid = &self.state.dls.valid;
        if valid.source_config().is_null() {
            let problem = "test-time augmentation needs a validation set with an augmentation";
            let remedy = "augment the training images, or implement `Source::config`";
            return Err(Error::usage(problem).with_remedy(remedy.into()));
        }
        let plain = self.interpret()?;
        let kind = self.state.known_outputs()?;
        let classes = plain.classes.len();
        let mut sums = vec![vec![0.0; classes]; plain.items.len()];
        let model = self.state.model().valid();
        let loader = valid.clone().training(true);
        for pass in 0..passes {
            let order = Order::new(&*valid.order(0), pass);
            let mut items = sums.iter_mut();
            for index in 0..loader.len() {
                let batch = loader.batch(&order, index, &self.state.device)?;
                let outputs = model.forward(batch.input);
                let [_, width] = outputs.dims();
                let outputs = outputs.try_into_vec_as::<f32>();
                let outputs = outputs.map_err(|error| Error::compute("read the outputs", error))?;
                check_finite(&outputs)?;
                for (outputs, sum) in outputs.chunks_exact(width.max(1)).zip(&mut items) {
                    let probabilities = kind.probabilities(outputs, classes);
                    sum.iter_mut().zip(probabilities).for_each(|(sum, p)| *sum += p);
                }
            }
        }
        let items = plain.items.into_iter().zip(sums).map(|(item, sum)| {
            let probabilities = Outputs::with_augmented(&item.probabilities, &sum, passes);
            let loss = kind.loss(&kind.of_probabilities(&probabilities), item.actual, classes);
            Outcome::new(item.index, item.actual, loss, probabilities)
        });
        Ok(Interpretation { items: items.collect(), classes: plain.classes })
    }
}
