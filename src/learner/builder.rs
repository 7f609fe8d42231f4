//! The learner and its configuration: optimizer, metrics and callbacks.

use std::any::Any;

use burn::optim::ModuleOptimizer;

use super::callback::{Callback, Scope};
use super::recorder::{RECORDER, Recorder};
use super::state::State;
use super::terminate_on_nan::TerminateOnNan;
use crate::checkpoints::{EventState, RunPosition};
use crate::data::DataLoaders;
use crate::error::{Error, Result};
use crate::loss::Loss;
use crate::metrics::Metric;
use crate::models::{LayerGroup, Model};
use crate::optim::{Momentum, OptimizerConfig, OptimizerKind};

/// A model with the data, the loss and the optimizer that train it.
///
/// `M` is the model, `I` its input, `T` the targets. Nothing here is specific to images or
/// classes. A regression looks the same:
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::data::{DataLoaders, TensorSource};
/// use fastburn::learner::Learner;
/// use fastburn::optim::OptimizerKind;
/// use fastburn::loss::mse;
/// use fastburn::models::LinearConfig;
///
/// let device = fastburn::device::cpu()?;
/// let x = Tensor::<1>::from_data([-1.0, -0.5, 0.5, 1.0], &device).reshape([4, 1]);
/// let data = TensorSource::new(x.clone(), x * 3.0 + 1.0)?;
/// let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4)?;
///
/// let model = LinearConfig::new(1, 1).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, mse).optimizer(OptimizerKind::Sgd);
/// learn.fit(100, 0.3)?;
/// assert!(learn.validate()?.loss < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub struct Learner<M: Model<I>, I, T> {
    pub(super) state: State<M, I, T>,
    pub(super) callbacks: Vec<Box<dyn Callback<M, I, T>>>,
    /// Counts over all calls of `fit`: a second one must not repeat the first one's data order.
    pub(super) trained_epochs: usize,
    /// The number of finished calls of `fit`.
    pub(super) fits: usize,
    /// The learning rate passed to the last call of `fit`.
    pub(super) given_lr: f64,
    /// The position of a resumed run, until training has reached it.
    pub(super) resumed: Option<RunPosition>,
    /// The event state at the end of the current epoch's training part, before `after_train`.
    pub(super) at_train_end: Option<EventState>,
    /// Whether [`lr_find`](Self::lr_find) is running.
    pub(super) sweeping: bool,
    /// The parts of the fit that are running, outermost first.
    pub(super) under_way: Vec<Scope>,
    /// The model's layer groups, from the input to the output.
    pub(super) groups: Vec<LayerGroup>,
    /// The optimizer as configured, without any state.
    pub(super) fresh_optimizer: ModuleOptimizer,
}

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Creates a learner with fastai's default optimizer, Adam. It computes on the model's device.
    ///
    /// `loss` is a function of outputs and targets, such as those in [`loss`](crate::loss).
    pub fn new(dls: DataLoaders<I, T>, model: M, loss: impl Loss<M::Output, T> + 'static) -> Self {
        let optimizer = OptimizerConfig::new(OptimizerKind::default());
        let next_momentum = Momentum::default();
        let fresh_optimizer = optimizer.build(&next_momentum);
        let groups = model.layer_groups();
        let mut state = State::new(model, Box::new(loss), dls, fresh_optimizer.clone());
        state.optimizer_config = Some(optimizer);
        state.next_momentum = next_momentum;
        let callbacks: Vec<Box<dyn Callback<M, I, T>>> =
            vec![Box::new(Recorder::default()), Box::new(TerminateOnNan::default())];
        Self {
            state,
            callbacks,
            trained_epochs: 0,
            fits: 0,
            given_lr: 0.0,
            resumed: None,
            at_train_end: None,
            sweeping: false,
            under_way: Vec::new(),
            groups,
            fresh_optimizer,
        }
    }

    /// Sets the optimizer: an [`OptimizerKind`], an [`OptimizerConfig`], or one of Burn's.
    pub fn optimizer<O: Into<ModuleOptimizer> + 'static>(mut self, optimizer: O) -> Self {
        let given = &optimizer as &dyn Any;
        let kind = given.downcast_ref().copied().map(OptimizerConfig::new);
        let config = kind.or(given.downcast_ref().copied());
        self.fresh_optimizer = match &config {
            Some(config) => config.build(&self.state.next_momentum),
            None => optimizer.into(),
        };
        self.state.optimizer_config = config;
        self.state.optimizer = self.fresh_optimizer.clone();
        self
    }

    /// Resets the optimizer's state, which is otherwise kept from one call of `fit` to the next:
    /// fastai's `reset_opt`.
    pub fn reset_optimizer(&mut self) {
        // In a resumed run, the reset was before the checkpoint, which holds the state since then.
        if self.resumed.is_none() {
            self.state.optimizer = self.fresh_optimizer.clone();
        }
    }

    /// Adds a metric after the existing ones.
    pub fn metric(mut self, metric: impl Metric<M::Output, T> + 'static) -> Self {
        self.state.metrics.push(Box::new(metric));
        self
    }

    /// Adds a callback. Those of equal [`order`](Callback::order) run in the order of addition.
    pub fn callback(mut self, callback: impl Callback<M, I, T> + 'static) -> Self {
        self.attach(Box::new(callback));
        self
    }

    /// Removes the callbacks with this [`name`](Callback::name), such as `TerminateOnNan`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if no callback has this name, or if it is the recorder, without which
    /// there is no history.
    pub fn without(mut self, name: &str) -> Result<Self> {
        let names = self.callbacks.iter().map(|callback| callback.name());
        let names: Vec<_> = names.filter(|name| *name != RECORDER).collect();
        if !names.contains(&name) {
            let expected = if names.is_empty() {
                "a callback of this learner, which has none".to_owned()
            } else {
                format!("one of {}", names.join(", "))
            };
            return Err(Error::setting("callback to remove", name, expected));
        }
        self.callbacks.retain(|callback| callback.name() != name);
        Ok(self)
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
    /// let mut learn = Learner::new(dls, model, cross_entropy);
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
        callback: impl Callback<M, I, T> + 'static,
        run: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        let index = self.attach(Box::new(callback));
        let result = run(self);
        self.callbacks.remove(index);
        result
    }

    fn attach(&mut self, callback: Box<dyn Callback<M, I, T>>) -> usize {
        let order = callback.order();
        let index = self.callbacks.partition_point(|other| other.order() <= order);
        self.callbacks.insert(index, callback);
        index
    }
}

impl<M: Model<I>, I, T> std::fmt::Debug for Learner<M, I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner")
            .field("train", &self.state.dls.train)
            .field("valid", &self.state.dls.valid)
            .field("device", &self.state.device)
            .field("callbacks", &self.callbacks.len())
            .finish_non_exhaustive()
    }
}
