//! What a callback may do with a batch: its loss, and random numbers for it.

use burn::tensor::Tensor;
use rand::Rng;

use super::state::State;
use super::task::Task;
use crate::checks::one_number;
use crate::error::{Error, Result};
use crate::seed::{Seed, Stream};

impl<T: Task> State<T> {
    /// Returns the random generator of a callback for this batch, by the seed of the training
    /// order, the step and the callback's name. A resumed run draws the same numbers.
    ///
    /// ```
    /// use fastburn::prelude::*;
    /// use fastburn::rand::RngExt;
    ///
    /// /// Skips one training batch in ten.
    /// struct Lazy;
    ///
    /// impl<T: Task> Callback<T> for Lazy {
    ///     fn before_batch(&mut self, state: &mut State<T>) -> Flow {
    ///         if state.training && state.rng("Lazy").random_bool(0.1) {
    ///             return Err(Stop::Cancel(Scope::Batch));
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn rng(&self, name: &str) -> impl Rng + use<T> {
        let steps = (self.history.steps.len() + self.losses.waiting()) as u64;
        // A batch that is skipped makes no step, and a search for a learning rate records none. Odd
        // factors spread the numbers over all bits, so that different batches do not meet.
        let index = steps.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (self.trained as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            ^ ((self.batch_index as u64) << 1 | u64::from(self.training));
        let seed = self.dls.train.shuffle_seed().unwrap_or_default();
        let of_name = u64::from(crc32fast::hash(name.as_bytes())) << 32;
        Seed::new(seed.value() ^ of_name).rng(Stream::Callbacks, index)
    }

    /// Computes the learner's loss, for example of mixed targets (mixup, Zhang et al. 2018):
    ///
    /// ```
    /// use burn::tensor::{Int, Tensor};
    /// use fastburn::prelude::*;
    /// use fastburn::rand::RngExt;
    ///
    /// /// Mixes each training batch with the same batch in reverse order.
    /// #[derive(Default)]
    /// struct Mix {
    ///     share: f64,
    /// }
    ///
    /// impl<T> Callback<T> for Mix
    /// where
    ///     T: Task<Input = Tensor<4>, Target = Tensor<1, Int>>,
    /// {
    ///     fn affects_steps(&self) -> bool {
    ///         true // `lr_find` mixes too
    ///     }
    ///
    ///     fn before_batch(&mut self, state: &mut State<T>) -> Flow {
    ///         self.share = state.rng("Mix").random_range(0.5..1.0);
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
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(Mix::default());
    /// learn.fit(1, 1e-3)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if outputs do not match targets or classes.
    pub fn compute_loss(&self, output: T::Output, target: T::Target) -> Result<Tensor<1>> {
        let classes = self.dls.items.as_ref().map_or(0, |items| items.classes.len());
        if classes > 0 {
            self.loss_function.check_classes(&output, &target, classes)?;
        }
        self.loss_function.compute(output, target)
    }

    /// Computes the learner's loss of mixed items:
    /// [`Loss::compute_mixed`](crate::loss::Loss::compute_mixed).
    ///
    /// # Errors
    ///
    /// Those of the loss.
    pub fn compute_mixed_loss(
        &self,
        output: T::Output,
        target: T::Target,
        partner: T::Target,
        shares: &[f32],
    ) -> Result<Tensor<1>> {
        let classes = self.dls.items.as_ref().map_or(0, |items| items.classes.len());
        if classes > 0 {
            self.loss_function.check_classes(&output, &target, classes)?;
            self.loss_function.check_classes(&output, &partner, classes)?;
        }
        self.loss_function.compute_mixed(output, target, partner, shares)
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
