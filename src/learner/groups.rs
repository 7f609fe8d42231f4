//! Layer groups: freezing, and steps with a learning rate per group.

use burn::module::{Flag, Module, ModuleMapper, Param, ParamGroup};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::tensor::Tensor;

use super::builder::Learner;
use super::rates::Rates;
use super::state::State;
use super::task::Task;
use crate::error::{Error, Result};
use crate::models::{LayerGroup, ModulePath, split};

impl<T: Task> Learner<T> {
    /// Replaces the model's own layer groups, from the input to the output: fastai's `splitter`.
    ///
    /// ```
    /// use fastburn::models::LayerGroup;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new()).layer_groups([
    ///     LayerGroup::new("eyes", ["layers.0"]),
    ///     LayerGroup::new("brain", ["layers.1"]),
    ///     LayerGroup::new("mouth", ["layers.2"]),
    /// ]);
    /// learn.freeze_to(1)?; // trains brain and mouth only
    /// learn.fit(1, Rates::slice(1e-4, 1e-2))?; // at 1e-3 and 1e-2
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn layer_groups(mut self, groups: impl IntoIterator<Item = LayerGroup>) -> Self {
        self.set_layer_groups(groups);
        self
    }

    /// Replaces the layer groups: see [`layer_groups`](Self::layer_groups).
    pub fn set_layer_groups(&mut self, groups: impl IntoIterator<Item = LayerGroup>) {
        self.groups = groups.into_iter().collect();
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
    /// In a frozen group no weight changes, except those of normalisation layers: see
    /// [`train_norms`](Self::train_norms). Dropout stays active, and running statistics are still
    /// updated. In the other groups, everything trains, including what Burn's `freeze_group` froze.
    ///
    /// As in fastai, the optimizer's state is [reset](Self::reset_optimizer): moments of the time
    /// before would move a group that begins to train with the averages of its old gradients.
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
        let mut unfreeze = UnfreezeOnly {
            path: ModulePath::default(),
            groups: &self.groups[first..],
            norms: self.train_norms,
        };
        self.state.model = self.state.model.take().map(|model| model.map(&mut unfreeze));
        self.reset_optimizer();
        Ok(())
    }

    /// Sets whether the weights of normalisation layers in frozen groups are trained, from the next
    /// freeze on (default: `true`): fastai's `train_bn`.
    ///
    /// A frozen body with trained norms adapts to the new data's statistics.
    ///
    /// ```
    /// use burn::module::Module;
    /// use burn::nn::{BatchNorm, BatchNormConfig};
    /// use burn::tensor::Tensor;
    /// use fastburn::data::{DataLoaders, TensorSource};
    /// use fastburn::models::{LayerGroup, Linear};
    /// use fastburn::prelude::*;
    ///
    /// #[derive(Module, Debug)]
    /// struct Net {
    ///     first: Linear,
    ///     norm: BatchNorm,
    ///     last: Linear,
    /// }
    ///
    /// impl Model<Tensor<2>> for Net {
    ///     type Output = Tensor<2>;
    ///
    ///     fn forward(&self, input: Tensor<2>) -> Tensor<2> {
    ///         self.last.forward(self.norm.forward(self.first.forward(input)))
    ///     }
    ///
    ///     fn layer_groups(&self) -> Vec<LayerGroup> {
    ///         vec![LayerGroup::new("body", ["first", "norm"]), LayerGroup::new("head", ["last"])]
    ///     }
    /// }
    ///
    /// let device = device::cpu()?;
    /// let net = Net {
    ///     first: LinearConfig::new(3, 4).init(&device, 0)?, // 16 parameters
    ///     norm: BatchNormConfig::new(4).init(&device),      // 8
    ///     last: LinearConfig::new(4, 1).init(&device, 1)?,  // 5
    /// };
    /// let data = TensorSource::new(Tensor::<2>::ones([8, 3], &device), Tensor::<2>::ones([8, 1], &device))?;
    /// let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4)?;
    /// let mut learn = Learner::new(dls, net, Mse);
    /// learn.freeze()?;
    /// assert_eq!(learn.summary()?.trainable, 13);
    /// learn.set_train_norms(false);
    /// learn.freeze()?;
    /// assert_eq!(learn.summary()?.trainable, 5);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn train_norms(mut self, train_norms: bool) -> Self {
        self.set_train_norms(train_norms);
        self
    }

    /// Sets whether the norms of frozen groups are trained: see [`train_norms`](Self::train_norms).
    pub fn set_train_norms(&mut self, train_norms: bool) {
        self.train_norms = train_norms;
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

impl<T: Task> State<T> {
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

/// Unfreezes the parameters of some groups and freezes all others.
struct UnfreezeOnly<'a> {
    path: ModulePath,
    groups: &'a [LayerGroup],
    /// Whether the norms of other groups are trained as well.
    norms: bool,
}

impl UnfreezeOnly<'_> {
    fn is_in_groups(&self) -> bool {
        self.groups.iter().any(|group| group.has(&self.path.parameter()))
    }
}

impl ModuleMapper for UnfreezeOnly<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_trained = self.is_in_groups() || self.norms && self.path.is_in_norm();
        param.set_require_grad(is_trained)
    }

    /// Enables what a layer does in training only, such as dropout, where Burn's `freeze_group` has
    /// disabled it.
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        if self.is_in_groups() { flag.with_value(true) } else { flag }
    }
}
