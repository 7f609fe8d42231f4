//! The training loop. Everything else is a callback.

use burn::optim::GradientsParams;

use super::builder::Learner;
use super::callback::{Event, Flow, Scope};
use super::task::Task;
use crate::computing::FITS;
use crate::models::Model;

impl<T: Task> Learner<T> {
    pub(super) fn run_fit(&mut self) -> Flow {
        let device = [self.state.device.clone()];
        FITS.run(&device, || self.run_epochs())
    }

    fn run_epochs(&mut self) -> Flow {
        self.within(Scope::Fit, |learn| {
            learn.restore_position(Scope::Fit)?;
            (learn.state.epoch..learn.state.epochs).try_for_each(|epoch| {
                learn.state.epoch = epoch;
                learn.within(Scope::Epoch, |learn| {
                    learn.run_part(Scope::Train)?;
                    learn.run_part(Scope::Validate)
                })
            })
        })
    }

    /// Runs one pass over the training set or the validation set.
    pub(super) fn run_part(&mut self, part: Scope) -> Flow {
        let (loader, device) = self.begin(part);
        let epoch = self.trained_epochs;
        let order = loader.order(epoch);
        self.trained_epochs += usize::from(self.state.training);
        self.within(part, |learn| {
            let first = learn.restore_position(part)?;
            (first..loader.len()).try_for_each(|index| {
                learn.state.batch_index = index;
                if learn.state.training {
                    loader.seed_layers(epoch, index, &device);
                }
                learn.state.batch = Some(loader.batch(&order, index, &device)?);
                let result = learn.within(Scope::Batch, Self::run_batch);
                learn.state.end_batch();
                result
            })
        })
    }

    fn run_batch(&mut self) -> Flow {
        let Some(batch) = &self.state.batch else { return Ok(()) };
        self.state.output = Some(self.state.model().forward(batch.input.clone()));
        self.emit(Event::AfterPred)?;

        let (Some(output), Some(batch)) = (&self.state.output, &self.state.batch) else {
            return Ok(());
        };
        self.state.loss = Some(self.state.compute_loss(output.clone(), batch.target.clone())?);
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
