//! The loss of a batch.

use burn::tensor::Tensor;

use super::state::State;
use super::task::Task;
use crate::checks::one_number;
use crate::error::{Error, Result};

impl<T: Task> State<T> {
    /// Computes the learner's loss, for example of mixed targets (mixup, Zhang et al. 2018):
    ///
    /// ```
    /// use burn::tensor::{Int, Tensor};
    /// use fastburn::prelude::*;
    ///
    /// /// Mixes each training batch with the same batch in reverse order.
    /// struct Mix {
    ///     share: f64,
    /// }
    ///
    /// impl<T> Callback<T> for Mix
    /// where
    ///     T: Task<Input = Tensor<4>, Target = Tensor<1, Int>>,
    /// {
    ///     fn before_batch(&mut self, state: &mut State<T>) -> Flow {
    ///         if let (true, Some(batch)) = (state.training, &mut state.batch) {
    ///             let input = batch.input.clone();
    ///             batch.input = input.clone() * self.share + input.flip([0]) * (1.0 - self.share);
    ///         }
    ///         Ok(())
    ///     }
    ///
    ///     fn after_loss(&mut self, state: &mut State<T>) -> Flow {
    ///         if let (true, Some(batch), Some(output)) =
    ///             (state.training, &state.batch, &state.output)
    ///         {
    ///             let other = state.compute_loss(output.clone(), batch.target.clone().flip([0]))?;
    ///             let loss = state.loss.take();
    ///             state.loss = loss.map(|loss| loss * self.share + other * (1.0 - self.share));
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(Mix { share: 0.9 });
    /// learn.fit(1, 1e-3)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if outputs and targets do not match.
    pub fn compute_loss(&self, output: T::Output, target: T::Target) -> Result<Tensor<1>> {
        self.loss_function.compute(output, target)
    }

    /// Refuses a loss that is not one number, and a training loss that has no gradients.
    pub(super) fn check_loss(&self) -> Result<()> {
        let Some(loss) = &self.loss else { return Ok(()) };
        one_number("the loss", loss)?;
        if self.training && !loss.is_tracked() {
            return Err(Error::compute(
                "compute gradients",
                "the loss does not depend on any trainable parameter: all are frozen, or the loss \
                 function detached its result",
            ));
        }
        Ok(())
    }
}
