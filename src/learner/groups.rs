//! Layer groups: which of them learn, and how fast.

use burn::module::{ModuleMapper, Param, ParamGroup, ParamId};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::tensor::Tensor;

use super::build::Learner;
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
    /// Other layer groups than the model's own, from the input to the output: fastai's `splitter`.
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
    /// learn.freeze_to(1)?; // brain and mouth learn
    /// learn.fit(1, Rates::slice(1e-4, 1e-2))?; // at 1e-3 and 1e-2
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn layer_groups(mut self, groups: impl IntoIterator<Item = LayerGroup>) -> Self {
        self.groups = groups.into_iter().collect();
        self
    }

    /// Has the last layer group learn alone.
    ///
    /// # Errors
    ///
    /// As [`freeze_to`](Self::freeze_to).
    pub fn freeze(&mut self) -> Result<()> {
        self.freeze_to(-1)
    }

    /// Has all layer groups learn.
    ///
    /// # Errors
    ///
    /// As [`freeze_to`](Self::freeze_to).
    pub fn unfreeze(&mut self) -> Result<()> {
        self.freeze_to(0)
    }

    /// Has the layer groups from number `first` on learn, and freezes those before it. As in
    /// Python, -1 is the last one.
    ///
    /// The weights of a frozen group stay what they are, to the bit. Dropout within it goes on, and
    /// the running statistics of a normalisation; unlike in fastai, its weights are frozen too.
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
            return Err(Error::setting("layer group to freeze up to", first, expected));
        };
        let mut learning = Learning { of: groups[first..].concat() };
        self.state.model = self.state.model.take().map(|model| model.map(&mut learning));
        Ok(())
    }

    /// Sets each group's rate, as a factor of the last one's.
    pub(super) fn set_rates(&mut self, rates: Rates) -> Result<()> {
        let of_groups = rates.of_groups(self.groups.len())?;
        self.state.lr = rates.last();
        self.state.factors.clear();
        if of_groups.iter().any(|&rate| rate != rates.last()) {
            let groups = split(self.state.model(), &self.groups)?.into_iter();
            let factors = of_groups.into_iter().map(|rate| rate / rates.last());
            self.state.factors = groups.map(ParamGroup::from_ids).zip(factors).collect();
        }
        Ok(())
    }
}

impl<M: Model<I>, I, T> State<M, I, T> {
    /// The optimizer's step, which takes the model by value and gives it back; without gradients
    /// there is none.
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

/// What a fit learns with: one rate for all, or rates that grow from the first layer group to the
/// last.
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
    /// fastai's `slice(first, last)`: the first group learns at `first`, the last at `last`, each
    /// of those between at the same factor more than the one before it (discriminative learning
    /// rates, Howard and Ruder 2018).
    pub fn slice(first: f64, last: f64) -> Self {
        Self { first, last }
    }

    /// The rate of the last group, from which a schedule starts out.
    pub fn last(self) -> f64 {
        self.last
    }

    /// Each group's rate; a single group has the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a rate is not a finite number of at least 0, or one of two that differ
    /// is 0.
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
            return Err(error.with_remedy("freeze the groups that are not to learn".into()));
        }
        let factor = self.last / self.first;
        let steps = groups.saturating_sub(1).max(1) as f64;
        let rate = |group: usize| match group + 1 == groups {
            true => self.last,
            false => self.first * factor.powf(group as f64 / steps),
        };
        Ok((0..groups).map(rate).collect())
    }
}

impl From<f64> for Rates {
    fn from(rate: f64) -> Self {
        Self::slice(rate, rate)
    }
}

/// Has the parameters of a list learn, and no others.
struct Learning {
    of: Vec<ParamId>,
}

impl ModuleMapper for Learning {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let learns = self.of.contains(&param.id);
        param.set_require_grad(learns)
    }
}
