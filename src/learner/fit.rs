//! The training loop, and nothing else: all that is more is a callback.

use burn::optim::GradientsParams;

use super::build::Learner;
use super::callback::{Event, Flow, Scope};
use crate::models::Model;

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    pub(super) fn run_fit(&mut self) -> Flow {
        self.within(Scope::Fit, |learn| {
            learn.take_up(Scope::Fit)?;
            (learn.state.epoch..learn.state.epochs).try_for_each(|epoch| {
                learn.state.epoch = epoch;
                learn.within(Scope::Epoch, |learn| {
                    learn.run_part(Scope::Train)?;
                    learn.run_part(Scope::Validate)
                })
            })
        })
    }

    /// Goes once through the training set, or through the validation set.
    pub(super) fn run_part(&mut self, part: Scope) -> Flow {
        let (loader, device) = self.begin(part);
        let number = self.trained_epochs;
        let order = loader.order(number);
        self.trained_epochs += usize::from(self.state.training);
        self.within(part, |learn| {
            let first = learn.take_up(part)?;
            (first..loader.len()).try_for_each(|index| {
                learn.state.batch_index = index;
                if learn.state.training {
                    loader.seed_layers(number, index, &device);
                }
                learn.state.batch = Some(loader.batch(&order, index, &device)?);
                let ran = learn.within(Scope::Batch, Self::run_batch);
                learn.state.end_batch();
                ran
            })
        })
    }

    fn run_batch(&mut self) -> Flow {
        let Some(batch) = self.state.batch.clone() else { return Ok(()) };
        self.state.output = Some(self.state.model().forward(batch.input));
        self.emit(Event::AfterPred)?;

        let Some(output) = self.state.output.clone() else { return Ok(()) };
        self.state.loss = Some(self.state.loss_function.compute(output, batch.target)?);
        self.emit(Event::AfterLoss)?;
        self.state.check_loss()?;
        if !self.state.training {
            return Ok(());
        }

        self.emit(Event::BeforeBackward)?;
        let Some(loss) = &self.state.loss else { return Ok(()) };
        let gradients = GradientsParams::from_grads(loss.backward(), self.state.model());
        self.state.gradients = Some(gradients);
        self.emit(Event::AfterBackward)?;

        self.emit(Event::BeforeStep)?;
        self.state.step();
        self.emit(Event::AfterStep)
    }
}
