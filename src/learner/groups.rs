//! Layer groups: freezing, and learning rates per group.

use burn::module::{ModuleMapper, Param, ParamGroup, ParamId};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::tensor::Tensor;

use super::builder::Learner;
use super::state::State;
use crate::checks;
use crate::error::{Error, Result};
use crate::models::{LayerGroup, Model, split};
use crate::printable::short_number;

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Replaces the model's own layer groups, from the input to the output: fastai's `splitter`.
    ///
    /// ```
    /// use fastburn::models::LayerGroup;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, cross_entropy).layer_groups([
    ///     LayerGroup::new("eyes", ["layers.0"]),
    ///     LayerGroup::new("brain", ["layers.1"]),
    ///     LayerGroup::new("mouth", ["layers.2"]),
    /// ]);
    /// learn.freeze_to(1)?; // trains brain and mouth only
    /// learn.fit(1, Rates::slice(1e-4, 1e-2))?; // at 1e-3 and 1e-2
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn layer_groups(mut self, groups: impl IntoIterator<Item = LayerGroup>) -> Self {
        self.groups = groups.into_iter().collect();
        self
    }

    /// Freezes all layer groups except the last one.
    ///
    /// # Errors
    ///
    /// See [`freeze_to`](Self::freeze_to).
    pub fn freeze(&mut self) -> Result<()> {
        self.freeze_to(-1)
    }

    /// Unfreezes all layer groups.
    ///
    /// # Errors
    ///
    /// See [`freeze_to`](Self::freeze_to).
    pub fn unfreeze(&mut self) -> Result<()> {
        self.freeze_to(0)
    }

    /// Freezes the layer groups before index `first` and unfreezes the others. As in Python, -1 is
    /// the last group.
    ///
    /// In a frozen group, no weight changes; unlike in fastai, normalisation layers are frozen too.
    /// Dropout stays active, and running statistics of normalisation layers are still updated.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such group, or the groups do not hold each parameter once.
    pub fn freeze_to(&mut self, first: isize) -> Result<()> {
        let groups = split(self.state.model(), &self.groups)?;
        let count = groups.len();
        let from_start = if first < 0 { first + count.cast_signed() } else { first };
        let Some(first) = usize::try_from(from_start).ok().filter(|&first| first < count) else {
            let expected = format!("-{count} to {}", count - 1);
            return Err(Error::setting("first trainable layer group", first, expected));
        };
        let mut unfreeze = UnfreezeOnly { params: groups[first..].concat() };
        self.state.model = self.state.model.take().map(|model| model.map(&mut unfreeze));
        Ok(())
    }

    /// Sets each group's learning rate, as a factor of the last group's.
    pub(super) fn set_rates(&mut self, rates: Rates) -> Result<()> {
        let group_rates = rates.of_groups(self.groups.len())?;
        self.state.lr = rates.last();
        self.state.factors.clear();
        if group_rates.iter().any(|&rate| rate != rates.last()) {
            let groups = split(self.state.model(), &self.groups)?.into_iter();
            let factors = group_rates.into_iter().map(|rate| rate / rates.last());
            self.state.factors = groups.map(ParamGroup::from_ids).zip(factors).collect();
        }
        Ok(())
    }
}

impl<M: Model<I>, I, T> State<M, I, T> {
    /// Runs the optimizer step, which takes the model by value and returns it. Without gradients
    /// there is no step.
    pub(super) fn step(&mut self) {
        let Some(gradients) = self.gradients.take() else { return };
        if let Some(momentum) = self.momentum {
            self.next_momentum.set(momentum);
        }
        let lr = self.lr;
        let mut rates = ModuleLrScheduler::new(lr);
        for (group, factor) in &self.factors {
            rates = rates.with_group(group.clone(), lr * factor);
        }
        let step = |model| self.optimizer.step(rates.step(), model, gradients);
        self.model = self.model.take().map(step);
    }
}

/// The learning rates of a fit: one for all layer groups, or geometrically spaced ones from the
/// first group to the last.
///
/// ```
/// use fastburn::learner::Rates;
///
/// assert_eq!(Rates::from(1e-3).of_groups(2)?, [1e-3, 1e-3]);
/// assert_eq!(Rates::slice(0.25, 4.0).of_groups(3)?, [0.25, 1.0, 4.0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    first: f64,
    last: f64,
}

impl Rates {
    /// Creates rates from `first` for the first layer group to `last` for the last one, with a
    /// constant ratio between neighbours: fastai's `slice(first, last)` (discriminative learning
    /// rates, Howard and Ruder 2018).
    pub fn slice(first: f64, last: f64) -> Self {
        Self { first, last }
    }

    /// Returns the rate of the last group, on which a schedule is based.
    pub fn last(self) -> f64 {
        self.last
    }

    /// Returns each group's rate; a single group has the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a rate is negative, NaN or infinite, or if the two rates differ and
    /// one of them is 0.
    pub fn of_groups(self, groups: usize) -> Result<Vec<f64>> {
        for rate in [self.first, self.last] {
            checks::at_least_zero("learning rate", rate)?;
        }
        if self.first == self.last {
            return Ok(vec![self.last; groups]);
        }
        if self.first == 0.0 || self.last == 0.0 {
            let slice = format!("from {} to {}", short_number(self.first), short_number(self.last));
            let error = Error::setting("learning rates", slice, "both above 0");
            return Err(error.with_remedy("freeze the groups that should not train".into()));
        }
        let factor = self.last / self.first;
        let steps = groups.saturating_sub(1).max(1) as f64;
        let rate = |group: usize| {
            if group + 1 == groups {
                self.last
            } else {
                self.first * factor.powf(group as f64 / steps)
            }
        };
        Ok((0..groups).map(rate).collect())
    }
}

impl From<f64> for Rates {
    fn from(rate: f64) -> Self {
        Self::slice(rate, rate)
    }
}

/// Unfreezes the parameters of a list and freezes all others.
struct UnfreezeOnly {
    params: Vec<ParamId>,
}

impl ModuleMapper for UnfreezeOnly {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = self.params.contains(&param.id);
        param.set_require_grad(trainable)
    }
}
