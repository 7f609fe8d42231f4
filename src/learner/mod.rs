//! fastai's `Learner`: data, a model, a loss and an optimizer, and the verbs that use them.
//!
//! The loop itself is in `fit.rs`; what it does beside training is done by [`Callback`]s.

mod attach;
mod callback;
mod checkpoint;
mod dispatch;
mod export;
mod fine_tune;
mod fit;
mod gradients;
mod groups;
mod interpret;
mod losses;
mod lr_find;
mod optimizer;
mod optimizer_config;
mod param_scheduler;
mod placed;
mod rates;
mod recorder;
mod resume;
mod scheduled;
mod state;
mod stopping;
mod summary;
mod table;
mod terminate_on_nan;
mod tuned;

pub use callback::{Callback, Flow, Scope, Stop};
pub use checkpoint::Checkpoint;
pub use fine_tune::FineTune;
pub use gradients::MapGradient;
pub use losses::Losses;
pub use lr_find::LrFinder;
pub use optimizer::OptimizerKind;
pub use optimizer_config::OptimizerConfig;
pub use param_scheduler::ParamScheduler;
pub use rates::Rates;
pub use state::State;
pub use stopping::StopFlag;
pub use table::EpochTable;
pub use terminate_on_nan::TerminateOnNan;

use std::any::Any;

use burn::optim::ModuleOptimizer;
use burn::tensor::Tensor;

use crate::checkpoints::{Progress, Remembered};
use crate::data::DataLoaders;
use crate::error::{Error, Result};
use crate::history::{History, Validation};
use crate::loss;
use crate::metrics::Metric;
use crate::models::{LayerGroup, Model};
use recorder::Recorder;
use tuned::Momentum;

/// A model with the data, the loss and the optimizer that train it.
///
/// `M` is the model, `I` what goes into it, `T` the targets. Nothing here is about images or
/// classes; a regression looks the same:
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::data::{DataLoaders, TensorSource};
/// use fastburn::learner::{Learner, OptimizerKind};
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
    state: State<M, I, T>,
    callbacks: Vec<Box<dyn Callback<M, I, T>>>,
    /// Over all calls of `fit`, so that a second one does not repeat the first one's order.
    trained_epochs: usize,
    /// How many calls of `fit` are over.
    fits: usize,
    /// The learning rate that the last call of `fit` was given.
    given_lr: f64,
    /// Where a resumed run was, until it is there again.
    resumed: Option<Progress>,
    /// What was to be remembered when the training part of the epoch at hand was over.
    at_train_end: Option<Remembered>,
    /// Whether [`lr_find`](Self::lr_find) is under way.
    sweeping: bool,
    /// The parts that have begun and not ended, the outermost first.
    under_way: Vec<Scope>,
    /// The model's layer groups, from the input to the output.
    groups: Vec<LayerGroup>,
    /// The optimizer as it was given, without any state.
    fresh_optimizer: ModuleOptimizer,
}

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// A learner with fastai's default optimizer, Adam; it computes on the model's device.
    ///
    /// `loss` is a function of outputs and targets, such as those in [`fastburn::loss`](crate::loss).
    pub fn new(
        dls: DataLoaders<I, T>,
        model: M,
        loss: impl Fn(M::Output, T) -> Result<Tensor<1>> + 'static,
    ) -> Self {
        let loss_kind = loss::of_classes(&loss);
        let optimizer = OptimizerConfig::new(OptimizerKind::default());
        let next_momentum = Momentum::default();
        let fresh_optimizer = optimizer.build(&next_momentum);
        let groups = model.layer_groups();
        let mut state = State::new(model, Box::new(loss), dls, fresh_optimizer.clone());
        (state.loss_kind, state.optimizer_config) = (loss_kind, Some(optimizer));
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

    /// Another optimizer: an [`OptimizerKind`], an [`OptimizerConfig`], or one of Burn's.
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

    /// Has the optimizer forget what it has gathered, which it otherwise keeps from one call of
    /// `fit` to the next: fastai's `reset_opt`.
    pub fn reset_optimizer(&mut self) {
        // A resumed run has this behind it, and what was gathered since.
        if self.resumed.is_none() {
            self.state.optimizer = self.fresh_optimizer.clone();
        }
    }

    /// One more metric, behind those that are there.
    pub fn metric(mut self, metric: impl Metric<M::Output, T> + 'static) -> Self {
        self.state.metrics.push(Box::new(metric));
        self
    }

    /// Trains for a number of epochs and validates after each, at one learning rate, or at one for
    /// each layer group: see [`Rates`].
    ///
    /// A second call goes on where the first ended, with the optimizer's state.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a learning rate or an option of the optimizer is out of its range, no
    /// batch fills up, or a resumed run has more epochs behind it than these or had other callbacks
    /// with a memory; [`Error::Diverged`] if the loss stops being a number; and whatever the data,
    /// the loss, a metric or a callback fails with.
    pub fn fit(&mut self, epochs: usize, lr: impl Into<Rates>) -> Result<()> {
        self.set_rates(lr.into())?;
        self.check_fit()?;
        if !self.begin_fit(epochs)? {
            return Ok(());
        }
        let ran = self.run_fit();
        self.end_fit()?;
        finish(ran)
    }

    /// Refuses what cannot be trained.
    fn check_fit(&self) -> Result<()> {
        if let Some(config) = &self.state.optimizer_config {
            config.check()?;
        }
        if self.state.dls.train.is_empty() {
            let items = self.state.dls.train.items();
            return Err(Error::setting(
                "the number of training items",
                items,
                "that does not fill one batch; choose a smaller batch size (--batch-size)",
            ));
        }
        Ok(())
    }

    /// The loss and the metrics over the validation set.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the validation set is empty or a callback ended the pass early, and
    /// whatever the data, the loss, a metric or a callback fails with.
    pub fn validate(&mut self) -> Result<Validation> {
        // What ends a fit, such as a stop flag, ends a pass of its own as well.
        self.under_way.push(Scope::Fit);
        let interrupted = self.state.interrupted;
        let flow = self.run_part(Scope::Validate);
        self.state.interrupted = interrupted;
        self.under_way.pop();
        finish(flow)?;
        self.state.validation.clone().ok_or_else(|| {
            let batches = self.state.dls.valid.len();
            Error::setting(
                "the number of validation batches",
                batches,
                "there must be at least one, and no callback may leave one out",
            )
        })
    }

    /// The outputs and the targets of the validation set, batch by batch in its order.
    ///
    /// # Errors
    ///
    /// Whatever the data fails with.
    pub fn get_preds(&self) -> Result<Vec<(M::Output, T)>> {
        let loader = &self.state.dls.valid;
        let order = loader.order(0);
        let model = self.state.model().valid();
        let batches = (0..loader.len()).map(|index| {
            let batch = loader.batch(&order, index, &self.state.device)?;
            Ok((model.forward(batch.input), batch.target))
        });
        batches.collect()
    }

    /// Whether the last call of `fit` ended from outside, by a [`StopFlag`] for one, and could be
    /// resumed.
    pub fn is_interrupted(&self) -> bool {
        self.state.interrupted
    }

    /// What has been recorded.
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// The model as it is now.
    ///
    /// # Panics
    ///
    /// If the optimizer panicked in an earlier step, which took the model with it.
    pub fn model(&self) -> &M {
        self.state.model()
    }

    /// The trained model, ready to predict: without gradients.
    pub fn into_model(self) -> M {
        self.state.model().valid()
    }

    /// The data.
    pub fn dls(&self) -> &DataLoaders<I, T> {
        &self.state.dls
    }
}

/// A cancelled fit is a finished one.
fn finish(flow: Flow) -> Result<()> {
    match flow {
        Err(Stop::Error(error)) => Err(error),
        Ok(()) | Err(Stop::Cancel(_)) => Ok(()),
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
