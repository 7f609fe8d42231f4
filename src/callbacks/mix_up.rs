//! MixUp: training on mixtures of two items.

use rand::seq::SliceRandom;
use rand_distr::{Beta, Distribution};
use serde_json::{Value, json};

use crate::checks;
use crate::data::{Mixable, PerItem};
use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, State, Task};

/// The name under which partners and shares are drawn.
const NAME: &str = "MixUp";

/// Mixes each item of a training batch with another one, and their losses in the same shares: Zhang
/// et al. 2018, *mixup: Beyond Empirical Risk Minimization*; fastai's `MixUp`.
///
/// Each item has its own share, drawn from a beta distribution, of which the item itself has the
/// larger part. It works with label smoothing too. The loss has to be one that can be mixed:
/// [`Loss::compute_mixed`](crate::loss::Loss::compute_mixed). A learner can have this callback or
/// [`CutMix`](super::CutMix), whose images have to be whole ones.
///
/// ```
/// use fastburn::callbacks::MixUp;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let loss = CrossEntropy::new().label_smoothing(0.1);
/// let mut learn = Learner::new(dls, model, loss).metric(accuracy()).callback(MixUp::new(0.4));
/// learn.fit_one_cycle(1, 1e-2)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MixUp {
    alpha: f64,
    /// Of the current batch.
    partners: Vec<usize>,
    shares: Vec<f32>,
}

impl MixUp {
    /// Creates the callback with the parameter α of the beta distribution: 0.4 is usual, and larger
    /// ones mix more.
    pub fn new(alpha: f64) -> Self {
        Self { alpha, partners: Vec::new(), shares: Vec::new() }
    }
}

impl<T> Callback<T> for MixUp
where
    T: Task,
    T::Input: Mixable,
    T::Target: PerItem,
{
    fn name(&self) -> &'static str {
        NAME
    }

    fn affects_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "alpha": self.alpha })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed(NAME, &Callback::<T>::save(self), saved)
    }

    fn before_fit(&mut self, _: &mut State<T>) -> Flow {
        Ok(checks::above_zero("α of MixUp", self.alpha)?)
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        let mut rng = state.rng(NAME);
        let (true, Some(batch)) = (state.training, &mut state.batch) else { return Ok(()) };
        let beta = beta(self.alpha)?;
        self.partners = (0..batch.len).collect();
        self.partners.shuffle(&mut rng);
        let share = |share: f64| share.max(1.0 - share) as f32;
        self.shares = beta.sample_iter(&mut rng).take(batch.len).map(share).collect();
        batch.input = batch.input.mixed(&batch.input.in_order(&self.partners), &self.shares);
        Ok(())
    }

    fn after_loss(&mut self, state: &mut State<T>) -> Flow {
        let (true, Some(batch), Some(output)) = (state.training, &state.batch, &state.output)
        else {
            return Ok(());
        };
        let partners = batch.target.in_order(&self.partners);
        let (output, target) = (output.clone(), batch.target.clone());
        state.loss = Some(state.compute_mixed_loss(output, target, partners, &self.shares)?);
        Ok(())
    }
}

/// Returns the symmetric beta distribution.
pub(super) fn beta(alpha: f64) -> Result<Beta<f64>> {
    Beta::new(alpha, alpha).map_err(|_| Error::setting("α", alpha, "a finite number above 0"))
}
