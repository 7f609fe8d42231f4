//! The learning rate finder: a short training run at increasing learning rates.

use std::sync::{Arc, Mutex};

use burn::module::ParamGroup;
use burn::optim::ModuleOptimizer;

use super::builder::Learner;
use super::callback::{Callback, Flow, Scope, Stop};
use super::loss_history::Losses;
use super::state::State;
use super::task::Task;
use super::training::finish;
use crate::checkpoints::{EventState, RunPosition};
use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::printable::short_number;
use crate::records::History;
use crate::records::LrCurve;
use crate::schedule::Schedule;

/// The number of steps after which the losses are read from the device.
const READ_EVERY: usize = 10;
/// The ratio of the smoothed loss to its minimum at which the sweep stops early.
const DIVERGENCE_RATIO: f64 = 4.0;

/// The settings of [`Learner::lr_find_with`]. The defaults are fastai's.
///
/// ```
/// use fastburn::learner::LrFinder;
///
/// let finer = LrFinder { steps: 200, ..LrFinder::default() };
/// assert_eq!((finer.start, finer.end), (1e-7, 10.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrFinder {
    /// The first learning rate.
    pub start: f64,
    /// The learning rate that would follow the last step's.
    pub end: f64,
    /// The number of batches to train. The learning rate grows by a constant factor per batch.
    pub steps: usize,
    /// Whether to stop once the smoothed loss exceeds four times its minimum.
    pub stop_early: bool,
}

impl Default for LrFinder {
    fn default() -> Self {
        Self { start: 1e-7, end: 10.0, steps: 100, stop_early: true }
    }
}

impl<T: Task> Learner<T> {
    /// Trains a copy of the model at learning rates from tiny to huge and returns the losses:
    /// fastai's `lr_find`.
    ///
    /// Afterwards the model, the optimizer, the order of the data and all other state are exactly
    /// as before. Only callbacks that [change steps](Callback::affects_steps) take part.
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, CrossEntropy::new());
    /// let curve = learn.lr_find()?;
    /// let lr = curve.suggestion().unwrap();
    /// assert!(lr > 1e-5 && lr < 1e-1);
    /// learn.fit_one_cycle(1, lr)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`fit`](Self::fit).
    pub fn lr_find(&mut self) -> Result<LrCurve> {
        self.lr_find_with(LrFinder::default())
    }

    /// Runs [`lr_find`](Self::lr_find) with other settings.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the learning rates or the number of steps are invalid. Otherwise see
    /// [`fit`](Self::fit).
    pub fn lr_find_with(&mut self, finder: LrFinder) -> Result<LrCurve> {
        finder.check()?;
        self.check_fit()?;
        let snapshot = self.snapshot();
        let curve = self.sweep(finder);
        self.restore(snapshot)?;
        curve
    }

    fn sweep(&mut self, finder: LrFinder) -> Result<LrCurve> {
        self.set_rates(finder.start.into())?;
        let state = &mut self.state;
        state.momentum = state.optimizer_config.and_then(|config| config.first_momentum());
        state.epochs = finder.steps.div_ceil(state.dls.train.len());
        (state.epoch, state.trained, state.accumulating) = (0, 0, false);
        let sweep = Sweep::new(finder);
        let history = sweep.history.clone();
        self.with(sweep, |learn| finish(learn.run_fit()))?;
        let steps = &lock(&history).steps;
        Ok(LrCurve {
            lrs: steps.iter().map(|step| step.lr).collect(),
            losses: steps.iter().map(|step| step.smooth_loss).collect(),
            num_it: finder.steps,
        })
    }

    fn snapshot(&mut self) -> Snapshot<T::Model> {
        self.sweeping = true;
        let event_state = self.event_state();
        let state = &self.state;
        Snapshot {
            model: state.model().clone(),
            optimizer: state.optimizer.clone(),
            factors: state.factors.clone(),
            progress: (state.epochs, state.epoch, state.trained),
            part: (state.training, state.batches, state.batch_index),
            trained_epochs: self.trained_epochs,
            at_train_end: self.at_train_end.take(),
            resumed: self.resumed.take(),
            event_state,
        }
    }

    fn restore(&mut self, snapshot: Snapshot<T::Model>) -> Result<()> {
        self.sweeping = false;
        let state = &mut self.state;
        (state.model, state.optimizer) = (Some(snapshot.model), snapshot.optimizer);
        state.factors = snapshot.factors;
        (state.epochs, state.epoch, state.trained) = snapshot.progress;
        (state.training, state.batches, state.batch_index) = snapshot.part;
        state.accumulating = false;
        self.trained_epochs = snapshot.trained_epochs;
        (self.at_train_end, self.resumed) = (snapshot.at_train_end, snapshot.resumed);
        self.restore_event_state(&snapshot.event_state)
    }
}

/// Everything that a sweep changes.
struct Snapshot<M> {
    model: M,
    optimizer: ModuleOptimizer,
    factors: Vec<(ParamGroup, f64)>,
    progress: (usize, usize, usize),
    part: (bool, usize, usize),
    trained_epochs: usize,
    at_train_end: Option<EventState>,
    resumed: Option<RunPosition>,
    event_state: EventState,
}

impl LrFinder {
    fn check(&self) -> Result<()> {
        let Self { start, end, steps, .. } = *self;
        if !(start > 0.0 && end > start && end.is_finite()) {
            let rates = format!("from {} to {}", short_number(start), short_number(end));
            let expected = "a start above 0 and a larger, finite end";
            return Err(Error::setting("learning rate range", rates, expected));
        }
        match steps {
            0 => Err(Error::setting("number of steps", 0, "at least 1")),
            _ => Ok(()),
        }
    }
}

/// Raises the learning rate before each batch and records the loss.
struct Sweep {
    finder: LrFinder,
    schedule: Schedule,
    losses: Losses,
    history: Arc<Mutex<History>>,
    /// The lowest smoothed loss so far, and the number of steps checked for it.
    best: f64,
    checked: usize,
}

impl Sweep {
    fn new(finder: LrFinder) -> Self {
        Self {
            finder,
            schedule: Schedule::exponential(finder.start, finder.end),
            losses: Losses::default(),
            history: Arc::default(),
            best: f64::INFINITY,
            checked: 0,
        }
    }

    /// Reads the waiting losses and returns whether they diverged; later steps are then discarded.
    fn has_diverged(&mut self) -> Result<bool> {
        let mut history = lock(&self.history);
        self.losses.read_into(&mut history)?;
        while let Some(step) = history.steps.get(self.checked) {
            self.checked += 1;
            self.best = self.best.min(step.smooth_loss);
            if self.finder.stop_early && step.smooth_loss > DIVERGENCE_RATIO * self.best {
                history.steps.truncate(self.checked);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<T: Task> Callback<T> for Sweep {
    fn affects_steps(&self) -> bool {
        true
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        state.lr = self.schedule.at(state.trained as f64 / self.finder.steps as f64);
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        let Some(loss) = state.loss.clone() else { return Ok(()) };
        self.losses.push(loss, state.step_record());
        let trained = state.trained + 1;
        let is_last = trained == self.finder.steps;
        let diverged = (is_last || trained.is_multiple_of(READ_EVERY)) && self.has_diverged()?;
        if is_last || diverged {
            return Err(Stop::Cancel(Scope::Fit));
        }
        Ok(())
    }

    fn before_validate(&mut self, _: &mut State<T>) -> Flow {
        Err(Stop::Cancel(Scope::Validate))
    }
}
