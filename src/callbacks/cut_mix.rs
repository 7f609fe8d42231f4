//! CutMix: training on images with a box of another one.

use burn::tensor::Tensor;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::Distribution;
use serde_json::{Value, json};

use super::mix_up::beta;
use crate::checks;
use crate::data::PerItem;
use crate::error::Result;
use crate::learner::{Callback, Flow, State, Task};

/// The name under which partners and boxes are drawn.
const NAME: &str = "CutMix";

/// Replaces a box of each image of a training batch by the same box of another one, and mixes their
/// losses by the areas: Yun et al. 2019, *CutMix*; fastai's `CutMix`.
///
/// A batch has one box, whose area is drawn from a beta distribution. It works with any loss, also
/// with label smoothing, but not together with [`MixUp`](super::MixUp).
///
/// ```
/// use fastburn::callbacks::CutMix;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(CutMix::new(1.0));
/// learn.fit_one_cycle(1, 1e-2)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CutMix {
    alpha: f64,
    /// Of the current batch.
    partners: Vec<usize>,
    /// The share of the images' own area.
    share: f64,
}

impl CutMix {
    /// Creates the callback with the parameter α of the beta distribution. 1, which is usual, makes
    /// all areas equally likely.
    pub fn new(alpha: f64) -> Self {
        Self { alpha, partners: Vec::new(), share: 1.0 }
    }
}

impl<T> Callback<T> for CutMix
where
    T: Task<Input = Tensor<4>>,
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
        Ok(checks::above_zero("α of CutMix", self.alpha)?)
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        let mut rng = state.rng(NAME);
        let (true, Some(batch)) = (state.training, &mut state.batch) else { return Ok(()) };
        self.partners = (0..batch.len).collect();
        self.partners.shuffle(&mut rng);
        let side = (1.0 - beta(self.alpha)?.sample(&mut rng)).max(0.0).sqrt();
        let [_, channels, height, width] = batch.input.dims();
        let [rows, columns] = [height, width].map(|length| {
            // A box around any pixel, as far as it lies within the image.
            let half = side * length as f64 / 2.0;
            let middle = rng.random_range(0..length) as f64;
            (middle - half).round().max(0.0) as usize
                ..((middle + half).round() as usize).min(length)
        });
        self.share = 1.0 - (rows.len() * columns.len()) as f64 / (height * width) as f64;
        if self.share < 1.0 {
            let area = [0..batch.len, 0..channels, rows, columns];
            let box_of_partner = batch.input.in_order(&self.partners).slice(area.clone());
            batch.input = batch.input.clone().slice_assign(area, box_of_partner);
        }
        Ok(())
    }

    fn after_loss(&mut self, state: &mut State<T>) -> Flow {
        let (true, Some(batch), Some(output)) = (state.training, &state.batch, &state.output)
        else {
            return Ok(());
        };
        if self.share == 1.0 {
            return Ok(());
        }
        let partners = batch.target.in_order(&self.partners);
        let of_partners = state.compute_loss(output.clone(), partners)?;
        let own = state.loss.take();
        state.loss = own.map(|own| own * self.share + of_partners * (1.0 - self.share));
        Ok(())
    }
}
