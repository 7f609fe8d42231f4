//! Telling the callbacks, and cleaning up behind each part of a fit.

use burn::tensor::Device;

use super::callback::{Event, Flow, Scope, Stop, tell};
use super::{Learner, Model};
use crate::data::DataLoader;

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// Makes model and state ready for a part; its loader, and where its batches go.
    pub(super) fn begin(&mut self, part: Scope) -> (DataLoader<I, T>, Device) {
        let state = &mut self.state;
        state.training = part == Scope::Train;
        let (loader, device) = if state.training {
            state.model = state.model.take().map(M::train);
            (state.dls.train.clone(), state.device.clone().autodiff())
        } else {
            state.model = state.model.take().map(|model| model.valid());
            (state.dls.valid.clone(), state.device.clone())
        };
        state.batches = loader.len();
        (loader, device)
    }

    /// Runs a part of the fit between its two events. Its `after_…` event comes whatever
    /// happens in it, and a cancel of this part ends here.
    pub(super) fn within(&mut self, scope: Scope, part: impl FnOnce(&mut Self) -> Flow) -> Flow {
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
    pub(super) fn emit(&mut self, event: Event) -> Flow {
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
