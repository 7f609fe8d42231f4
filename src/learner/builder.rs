//! The learner and its configuration: optimizer, metrics and callbacks.

use burn::optim::ModuleOptimizer;

use super::callback::{Callback, Scope};
use super::names::{plain_name, short_name};
use super::recorder::{RECORDER, Recorder};
use super::state::State;
use super::task::Task;
use super::terminate_on_nan::TerminateOnNan;
use crate::checkpoints::{EventState, RunPosition};
use crate::computing::KeptMemory;
use crate::data::DataLoaders;
use crate::draw::draw;
use crate::error::{Error, Result};
use crate::loss::Loss;
use crate::metrics::Metric;
use crate::models::{LayerGroup, Model};
use crate::optim::{AnyOptimizer, Momentum, OptimizerConfig, OptimizerKind};

/// A model with the data, the loss and the optimizer that train it.
///
/// `T` is its [task](Task): the types of the model, its inputs and outputs, and the targets.
/// Nothing here is specific to images or classes. A regression looks the same:
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::data::{DataLoaders, TensorSource};
/// use fastburn::learner::Learner;
/// use fastburn::optim::OptimizerKind;
/// use fastburn::loss::Mse;
/// use fastburn::models::LinearConfig;
///
/// let device = fastburn::device::cpu()?;
/// let x = Tensor::<1>::from_data([-1.0, -0.5, 0.5, 1.0], &device).reshape([4, 1]);
/// let data = TensorSource::new(x.clone(), x * 3.0 + 1.0)?;
/// let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4)?;
///
/// let model = LinearConfig::new(1, 1).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, Mse).optimizer(OptimizerKind::Sgd);
/// learn.fit(100, 0.3)?;
/// assert!(learn.validate()?.loss < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// On a CPU, the memory of a step is kept for the next one until no learner is left.
pub struct Learner<T: Task> {
    pub(super) state: State<T>,
    pub(super) callbacks: Vec<Attached<T>>,
    /// The number of callbacks ever added.
    attached: u64,
    /// Counts over all calls of `fit`: a second one must not repeat the first one's data order.
    pub(super) trained_epochs: usize,
    /// The number of finished calls of `fit`.
    pub(super) fits: usize,
    /// The learning rate passed to the last call of `fit`.
    pub(super) given_lr: f64,
    /// The position of a resumed run, until training has reached it.
    pub(super) resumed: Option<RunPosition>,
    /// The file of the resumed checkpoint, as named in messages.
    pub(super) resumed_file: String,
    /// The event state at the end of the current epoch's training part, before `after_train`.
    pub(super) at_train_end: Option<EventState>,
    /// Whether [`lr_find`](Self::lr_find) is running.
    pub(super) sweeping: bool,
    /// The parts of the fit that are running, outermost first.
    pub(super) under_way: Vec<Scope>,
    /// The model's layer groups, from the input to the output.
    pub(super) groups: Vec<LayerGroup>,
    /// Whether the norms of frozen groups are trained.
    pub(super) train_norms: bool,
    /// The optimizer as configured, without any state.
    pub(super) fresh_optimizer: ModuleOptimizer,
    /// Dropped after all tensors.
    _memory: KeptMemory,
}

/// A callback of a learner, and the id by which it is removed.
pub(super) struct Attached<T: Task> {
    id: u64,
    pub callback: Box<dyn Callback<T>>,
}

impl<M, I, T> Learner<(M, I, T)>
where
    M: Model<I>,
    I: Clone + Send + 'static,
    T: Clone + Send + 'static,
{
    /// Creates a learner with fastai's default optimizer, Adam. It computes on the model's device.
    ///
    /// `loss` is a type such as [`CrossEntropy`](crate::loss::CrossEntropy), or a function with a
    /// name: [`from_fn`](crate::loss::from_fn).
    ///
    /// Parameters that Burn has not drawn yet are drawn now, so that nothing that is drawn later
    /// changes them. [`Seed::module`](crate::Seed::module) draws them from a seed.
    pub fn new(dls: DataLoaders<I, T>, model: M, loss: impl Loss<M::Output, T> + 'static) -> Self {
        draw(&model);
        let optimizer = OptimizerConfig::new(OptimizerKind::default());
        let next_momentum = Momentum::default();
        let fresh_optimizer = optimizer.build(&next_momentum);
        let groups = model.layer_groups();
        let mut state = State::new(model, Box::new(loss), dls, fresh_optimizer.clone());
        state.optimizer_config = Some(optimizer);
        state.optimizer_name = optimizer.kind().name().to_owned();
        state.next_momentum = next_momentum;
        let mut learn = Self {
            state,
            callbacks: Vec::new(),
            attached: 0,
            trained_epochs: 0,
            fits: 0,
            given_lr: 0.0,
            resumed: None,
            resumed_file: String::new(),
            at_train_end: None,
            sweeping: false,
            under_way: Vec::new(),
            groups,
            train_norms: true,
            fresh_optimizer,
            _memory: KeptMemory::new(),
        };
        learn.add_callback(Recorder::default());
        learn.add_callback(TerminateOnNan::default());
        learn
    }
}

/// Each setting has two methods: one that takes the learner and returns it, to build it, and one
/// that changes it through a reference, for a learner in a struct.
impl<T: Task> Learner<T> {
    /// Sets the optimizer: an [`OptimizerKind`], an [`OptimizerConfig`], or one of Burn's.
    pub fn optimizer(mut self, optimizer: impl Into<AnyOptimizer>) -> Self {
        self.set_optimizer(optimizer);
        self
    }

    /// Sets the optimizer, without any state: see [`optimizer`](Self::optimizer).
    pub fn set_optimizer(&mut self, optimizer: impl Into<AnyOptimizer>) {
        let state = &mut self.state;
        (state.optimizer_config, state.optimizer_name, self.fresh_optimizer) =
            match optimizer.into() {
                AnyOptimizer::Config(config) => {
                    let name = config.kind().name().to_owned();
                    (Some(config), name, config.build(&state.next_momentum))
                }
                AnyOptimizer::Burn { name, optimizer } => (None, name, optimizer),
            };
        self.reset_optimizer();
    }

    /// Resets the optimizer's state, which is otherwise kept from one call of `fit` to the next:
    /// fastai's `reset_opt`.
    pub fn reset_optimizer(&mut self) {
        // In a resumed run, the reset was before the checkpoint, which holds the state since then.
        if self.resumed.is_none() {
            self.state.optimizer = self.fresh_optimizer.clone();
        }
    }

    /// Replaces the data from the next fit on: fastai's `learn.dls = …`. Weights, optimizer state
    /// and history stay. The new data may be larger images (progressive resizing), if the model
    /// takes any size.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls.clone(), model, CrossEntropy::new());
    /// learn.fit(1, 3e-3)?;
    /// learn.set_data(dls.batch_size(500)?);
    /// learn.fit(1, 3e-3)?;
    /// assert_eq!(learn.history().steps.len(), 93 + 12);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn set_data(&mut self, dls: DataLoaders<T::Input, T::Target>) {
        self.state.dls = dls;
    }

    /// Adds a metric after the existing ones.
    pub fn metric(mut self, metric: impl Metric<T::Output, T::Target> + 'static) -> Self {
        self.add_metric(metric);
        self
    }

    /// Adds a metric after the existing ones, from the next fit on.
    pub fn add_metric(&mut self, metric: impl Metric<T::Output, T::Target> + 'static) {
        self.state.metrics.push(Box::new(metric));
    }

    /// Adds a callback. Those of equal [`order`](Callback::order) run in the order of addition.
    pub fn callback(mut self, callback: impl Callback<T> + 'static) -> Self {
        self.add_callback(callback);
        self
    }

    /// Adds a callback, from the next fit on: fastai's `add_cb`. See [`callback`](Self::callback).
    pub fn add_callback(&mut self, callback: impl Callback<T> + 'static) {
        self.attach(Box::new(callback));
    }

    /// Removes the callbacks with this [`name`](Callback::name), such as `TerminateOnNan`, or of
    /// the type with this name.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if no callback has this name, or if it is the recorder, without which
    /// there is no history.
    pub fn without(mut self, name: &str) -> Result<Self> {
        self.remove_callback(name)?;
        Ok(self)
    }

    /// Removes the callbacks with this name: fastai's `remove_cb`. See [`without`](Self::without).
    ///
    /// # Errors
    ///
    /// Those of [`without`](Self::without).
    pub fn remove_callback(&mut self, name: &str) -> Result<()> {
        let is_meant = |found: &str| {
            found != RECORDER
                && (found == name || plain_name(found) == name || short_name(found) == name)
        };
        let names: Vec<_> = self.callbacks.iter().map(|one| one.callback.name()).collect();
        if !names.iter().any(|found| is_meant(found)) {
            let others = names.into_iter().filter(|name| *name != RECORDER);
            let names: Vec<_> = others.map(plain_name).collect();
            let expected = if names.is_empty() {
                "a callback of this learner, which has none".to_owned()
            } else {
                format!("one of {}", names.join(", "))
            };
            return Err(Error::setting("callback to remove", name, expected));
        }
        self.callbacks.retain(|attached| !is_meant(attached.callback.name()));
        Ok(())
    }

    /// Adds a callback for the duration of `run`: fastai's `fit(…, cbs=…)` and `added_cbs`.
    ///
    /// ```
    /// use fastburn::callbacks::EarlyStopping;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new());
    /// learn.with(EarlyStopping::patience(2), |learn| learn.fit(3, 1e-3))?;
    /// learn.fit(1, 1e-4)?; // without early stopping
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Any error that `run` returns.
    pub fn with<R>(
        &mut self,
        callback: impl Callback<T> + 'static,
        run: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        let id = self.attach(Box::new(callback));
        let result = run(self);
        // Not by index: `run` may have added or removed others, or this one.
        self.callbacks.retain(|attached| attached.id != id);
        result
    }

    /// Adds a callback at its place in the order, and returns its id.
    fn attach(&mut self, callback: Box<dyn Callback<T>>) -> u64 {
        let (id, order) = (self.attached, callback.order());
        self.attached += 1;
        let index = self.callbacks.partition_point(|other| other.callback.order() <= order);
        self.callbacks.insert(index, Attached { id, callback });
        id
    }
}

impl<T: Task> std::fmt::Debug for Learner<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner")
            .field("train", &self.state.dls.train)
            .field("valid", &self.state.dls.valid)
            .field("device", &self.state.device)
            .field("callbacks", &self.callbacks.len())
            .finish_non_exhaustive()
    }
}
