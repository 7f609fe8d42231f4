//! Finding a learning rate: training a while at ever larger ones.

use std::cell::RefCell;
use std::rc::Rc;

use burn::module::ParamGroup;
use burn::optim::ModuleOptimizer;

use super::build::Learner;
use super::callback::{Callback, Flow, Scope, Stop};
use super::losses::Losses;
use super::state::State;
use super::verbs::finish;
use crate::checkpoints::{EventState, RunPosition};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::printable::short_number;
use crate::records::History;
use crate::records::LrCurve;
use crate::schedule::Schedule;

/// How many losses are read from the device at a time.
const READ_EVERY: usize = 10;
/// How many times its best the smoothed loss is when the sweep has seen enough.
const ENOUGH: f64 = 4.0;

/// How [`Learner::lr_find_with`] goes about it, with fastai's defaults.
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
    /// The rate that would be next behind the last step.
    pub end: f64,
    /// How many batches to train, each at a rate that is a factor larger than the one before.
    pub steps: usize,
    /// Whether to stop once the smoothed loss is four times its best.
    pub stop_early: bool,
}

impl Default for LrFinder {
    fn default() -> Self {
        Self { start: 1e-7, end: 10.0, steps: 100, stop_early: true }
    }
}

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Trains a copy at learning rates from tiny to huge, and says how the loss went: fastai's
    /// `lr_find`.
    ///
    /// Afterwards model, optimizer, order of the data and all else are what they were, to the bit.
    /// Of the callbacks only those take part that [change steps](Callback::changes_steps).
    ///
    /// ```
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, cross_entropy);
    /// let curve = learn.lr_find()?;
    /// let lr = curve.suggestion().unwrap();
    /// assert!(lr > 1e-5 && lr < 1e-1);
    /// learn.fit_one_cycle(1, lr)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit).
    pub fn lr_find(&mut self) -> Result<LrCurve> {
        self.lr_find_with(LrFinder::default())
    }

    /// As [`lr_find`](Self::lr_find), with other rates or another number of steps.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the rates or the number of steps cannot work, otherwise as
    /// [`fit`](Self::fit).
    pub fn lr_find_with(&mut self, finder: LrFinder) -> Result<LrCurve> {
        finder.check()?;
        self.check_fit()?;
        let kept = self.keep();
        let swept = self.sweep(finder);
        self.put_back(kept)?;
        swept
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
        let steps = &history.borrow().steps;
        Ok(LrCurve {
            lrs: steps.iter().map(|step| step.lr).collect(),
            losses: steps.iter().map(|step| step.smooth_loss).collect(),
            num_it: finder.steps,
        })
    }

    fn keep(&mut self) -> Snapshot<M> {
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

    fn put_back(&mut self, kept: Snapshot<M>) -> Result<()> {
        self.sweeping = false;
        let state = &mut self.state;
        (state.model, state.optimizer) = (Some(kept.model), kept.optimizer);
        state.factors = kept.factors;
        (state.epochs, state.epoch, state.trained) = kept.progress;
        (state.training, state.batches, state.batch_index) = kept.part;
        state.accumulating = false;
        self.trained_epochs = kept.trained_epochs;
        (self.at_train_end, self.resumed) = (kept.at_train_end, kept.resumed);
        self.take_back(&kept.event_state)
    }
}

/// What a sweep changes.
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
            let expected = "a start above 0 and a larger end";
            return Err(Error::setting("range of learning rates", rates, expected));
        }
        match steps {
            0 => Err(Error::setting("number of steps", 0, "at least 1")),
            _ => Ok(()),
        }
    }
}

/// Raises the learning rate before each batch, and writes down how the loss goes.
struct Sweep {
    finder: LrFinder,
    schedule: Schedule,
    losses: Losses,
    history: Rc<RefCell<History>>,
    /// The least smoothed loss so far, of how many steps.
    best: f64,
    seen: usize,
}

impl Sweep {
    fn new(finder: LrFinder) -> Self {
        Self {
            finder,
            schedule: Schedule::exponential(finder.start, finder.end),
            losses: Losses::default(),
            history: Rc::default(),
            best: f64::INFINITY,
            seen: 0,
        }
    }

    /// Reads the losses that wait; whether they have grown enough, behind which all is cut off.
    fn has_seen_enough(&mut self) -> Result<bool> {
        let mut history = self.history.borrow_mut();
        self.losses.read_into(&mut history)?;
        while let Some(step) = history.steps.get(self.seen) {
            self.seen += 1;
            self.best = self.best.min(step.smooth_loss);
            if self.finder.stop_early && step.smooth_loss > ENOUGH * self.best {
                history.steps.truncate(self.seen);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for Sweep {
    fn changes_steps(&self) -> bool {
        true
    }

    fn before_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        state.lr = self.schedule.at(state.trained as f64 / self.finder.steps as f64);
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let Some(loss) = state.loss.clone() else { return Ok(()) };
        self.losses.push(loss, state.step_record());
        let trained = state.trained + 1;
        let over = trained == self.finder.steps;
        let enough = (over || trained.is_multiple_of(READ_EVERY)) && self.has_seen_enough()?;
        if over || enough {
            return Err(Stop::Cancel(Scope::Fit));
        }
        Ok(())
    }

    fn before_validate(&mut self, _: &mut State<M, I, T>) -> Flow {
        Err(Stop::Cancel(Scope::Validate))
    }
}
