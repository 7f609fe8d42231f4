//! Interpretation of a learner's model on the validation set.

use burn::tensor::Tensor;

use super::builder::Learner;
use super::task::Task;
use crate::checks::{one_number, same_rows};
use crate::data::ClassTargets;
use crate::error::{Error, Result};
use crate::loss::Outputs;
use crate::records::{Interpretation, Outcome};
use crate::scalars::Scalars;

impl<T: Task<Output = Tensor<2>>> Learner<T>
where
    T::Target: ClassTargets,
{
    /// Returns the model's prediction and loss for each item of the validation set: fastai's
    /// `ClassificationInterpretation.from_learner`.
    ///
    /// The loss of an item is computed on a batch of that item alone. All results stay on the
    /// device and are read once, at the end.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = LinearConfig::new(784, 10).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
    /// learn.fit(1, 1e-3)?;
    ///
    /// let seen = learn.interpret()?;
    /// assert!((seen.accuracy() - learn.validate()?.metrics[0]).abs() < 1e-6);
    /// for item in seen.top_losses(3) {
    ///     println!("{} {:.4}", item.index, item.loss);
    /// }
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the classes are unknown, the loss does not imply the
    /// [`outputs`](Self::outputs), or the validation set is empty; [`Error::Shape`] if the outputs
    /// or targets do not fit the classes; [`Error::Compute`] if the device fails or an output is
    /// NaN or infinite; and any error of the data or the loss.
    pub fn interpret(&self) -> Result<Interpretation> {
        let classes = self.state.items()?.classes.clone();
        let kind = self.state.known_outputs()?;
        if kind == Outputs::Values {
            return Err(Error::usage("cannot interpret values: the model has no classes"));
        }
        let mut losses = Scalars::default();
        let (mut outputs, mut targets) = (Vec::new(), Vec::new());
        for (output, target) in self.get_preds()? {
            let [rows, width] = output.dims();
            if !kind.fit(width, classes.len()) {
                return Err(Error::Shape {
                    what: "outputs to interpret",
                    expected: format!("[batch, {}], one column per class", classes.len()),
                    found: format!("{:?}", output.dims()),
                });
            }
            let class_indices = target.classes();
            same_rows("interpret", rows, class_indices.dims()[0])?;
            for row in 0..rows {
                let output = output.clone().narrow(0, row, 1);
                let loss = self.state.compute_loss(output, target.item(row))?;
                one_number("the loss", &loss)?;
                losses.push(loss);
            }
            outputs.push(output.inner());
            targets.push(class_indices);
        }
        if outputs.is_empty() {
            return Err(Error::usage("cannot interpret an empty validation set"));
        }
        let failed = |error| Error::compute("read the outputs and targets", error);
        let outputs = Tensor::cat(outputs, 0);
        let [_, width] = outputs.dims();
        let outputs = outputs.try_into_vec_as::<f32>().map_err(failed)?;
        let targets = Tensor::cat(targets, 0).try_into_vec_as::<i64>().map_err(failed)?;
        check_finite(&outputs)?;
        let order = self.state.dls.valid.order(0);
        let rows = outputs.chunks_exact(width).zip(targets).zip(losses.take()?).zip(order.iter());
        let items = rows.map(|(((outputs, target), loss), index)| {
            let actual = usize::try_from(target).ok().filter(|&class| class < classes.len());
            let actual = actual.ok_or_else(|| Error::Shape {
                what: "targets to interpret",
                expected: format!("class indices below {}", classes.len()),
                found: target.to_string(),
            })?;
            let probabilities = kind.probabilities(outputs, classes.len());
            Ok(Outcome::new(*index as usize, actual, loss, probabilities))
        });
        let items = items.collect::<Result<_>>()?;
        Ok(Interpretation { classes, items })
    }
}

/// Refuses outputs that are NaN or infinite.
pub(super) fn check_finite(outputs: &[f32]) -> Result<()> {
    if outputs.iter().all(|output| output.is_finite()) {
        return Ok(());
    }
    Err(Error::compute("compute the model's outputs", "some are NaN or infinite"))
}
