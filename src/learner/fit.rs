//! The training loop, and nothing else: all that is more is a callback.

use burn::optim::GradientsParams;

use super::callback::{Event, Flow, Scope, Stop, tell};
use super::{Learner, Model};

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    pub(super) fn run_fit(&mut self) -> Flow {
        self.within(Scope::Fit, |learn| {
            (0..learn.state.epochs).try_for_each(|epoch| {
                learn.state.epoch = epoch;
                learn.within(Scope::Epoch, |learn| {
                    learn.run_train()?;
                    learn.run_validate()
                })
            })
        })
    }

    fn run_train(&mut self) -> Flow {
        let loader = self.state.dls.train.clone();
        let device = self.state.device.clone().autodiff();
        let order = loader.order(self.trained_epochs);
        self.trained_epochs += 1;
        self.state.training = true;
        self.state.batches = loader.len();
        self.map_model(M::train);
        self.within(Scope::Train, |learn| {
            (0..loader.len()).try_for_each(|index| {
                learn.state.batch_index = index;
                learn.state.batch = Some(loader.batch(&order, index, &device)?);
                learn.run_batch()
            })
        })
    }

    pub(super) fn run_validate(&mut self) -> Flow {
        let loader = self.state.dls.valid.clone();
        let device = self.state.device.clone();
        let order = loader.order(0);
        self.state.training = false;
        self.state.batches = loader.len();
        self.map_model(|model| model.valid());
        self.within(Scope::Validate, |learn| {
            (0..loader.len()).try_for_each(|index| {
                learn.state.batch_index = index;
                learn.state.batch = Some(loader.batch(&order, index, &device)?);
                learn.run_batch()
            })
        })
    }

    fn run_batch(&mut self) -> Flow {
        let ran = self.within(Scope::Batch, |learn| {
            let Some(batch) = learn.state.batch.clone() else { return Ok(()) };
            learn.state.output = Some(learn.state.model().forward(batch.input));
            learn.emit(Event::AfterPred)?;

            let Some(output) = learn.state.output.clone() else { return Ok(()) };
            learn.state.loss = Some((learn.state.loss_function)(output, batch.target)?);
            learn.emit(Event::AfterLoss)?;
            if !learn.state.training {
                return Ok(());
            }

            learn.emit(Event::BeforeBackward)?;
            let Some(loss) = &learn.state.loss else { return Ok(()) };
            let gradients = GradientsParams::from_grads(loss.backward(), learn.state.model());
            learn.state.gradients = Some(gradients);
            learn.emit(Event::AfterBackward)?;

            learn.emit(Event::BeforeStep)?;
            let Some(gradients) = learn.state.gradients.take() else { return Ok(()) };
            learn.step(gradients);
            learn.emit(Event::AfterStep)
        });
        let state = &mut self.state;
        (state.batch, state.output, state.loss, state.gradients) = (None, None, None, None);
        ran
    }

    /// The optimizer's step, which takes the model by value and gives it back.
    fn step(&mut self, gradients: GradientsParams) {
        let (lr, state) = (self.state.lr, &mut self.state);
        state.model = state.model.take().map(|model| state.optimizer.step(lr, model, gradients));
    }

    fn map_model(&mut self, change: impl FnOnce(M) -> M) {
        self.state.model = self.state.model.take().map(change);
    }

    /// Runs a part of the fit between its two events. Its `after_…` event comes whatever
    /// happens in it, and a cancel of this part ends here.
    fn within(&mut self, scope: Scope, part: impl FnOnce(&mut Self) -> Flow) -> Flow {
        let ran = self.emit(scope.before()).and_then(|()| part(self));
        let cleaned = self.emit(scope.after());
        match ran {
            Err(Stop::Cancel(cancelled)) if cancelled == scope => cleaned,
            Err(stop) => Err(stop),
            Ok(()) => cleaned,
        }
    }

    /// Tells the callbacks of an event, in their order; the first to object ends it, but for
    /// clean-up, which reaches them all.
    fn emit(&mut self, event: Event) -> Flow {
        let mut flow = Ok(());
        for callback in &mut self.callbacks {
            let answer = tell(callback.as_mut(), event, &mut self.state);
            if flow.is_ok() {
                flow = answer;
            }
            if flow.is_err() && !event.is_cleanup() {
                break;
            }
        }
        flow
    }
}
