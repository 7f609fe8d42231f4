//! Telling the callbacks, and cleaning up behind each part of a fit.

use burn::tensor::Device;

use super::build::Learner;
use super::callback::{Event, Flow, Scope, Stop, both, tell};
use crate::data::DataLoader;
use crate::error::Error;
use crate::models::Model;

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
            // Also if an earlier epoch's training was left early.
            state.trained = state.epoch * state.dls.train.len();
            state.model = state.model.take().map(M::train);
            (state.dls.train.clone(), state.device.clone().autodiff())
        } else {
            state.model = state.model.take().map(|model| model.valid());
            (state.dls.valid.clone(), state.device.clone())
        };
        state.batches = loader.len();
        state.batch_index = 0;
        (loader, device)
    }

    /// Runs a part of the fit between its two events. Its `after_…` event comes whatever
    /// happens in it, and a cancel of this part, in it or by that event, ends here.
    pub(super) fn within(&mut self, scope: Scope, part: impl FnOnce(&mut Self) -> Flow) -> Flow {
        self.under_way.push(scope);
        let ran = self.emit(scope.before()).and_then(|()| part(self));
        if scope == Scope::Train {
            self.at_train_end = Some(self.event_state());
        }
        self.state.failed |= matches!(ran, Err(Stop::Error(_)));
        let cleaned = self.emit(scope.after());
        self.under_way.pop();
        match both(ran, cleaned) {
            Err(Stop::Cancel(cancelled)) if cancelled == scope => Ok(()),
            flow => flow,
        }
    }

    /// Tells the callbacks of an event, in their order. The first that does not go on ends it,
    /// but for clean-up, which reaches them all.
    pub(super) fn emit(&mut self, event: Event) -> Flow {
        let mut flow = Ok(());
        for callback in &mut self.callbacks {
            if self.sweeping && !callback.changes_steps() {
                continue;
            }
            let mut answer = tell(callback.as_mut(), event, &mut self.state);
            if let Err(Stop::Cancel(scope)) = answer
                && !self.under_way.contains(&scope)
            {
                answer = Err(Stop::Error(not_under_way(callback.name(), scope, event)));
            }
            flow = both(flow, answer);
            if flow.is_err() && !event.is_cleanup() {
                break;
            }
        }
        // A part that is cancelled at this event is over, which its own end writes down; what ends
        // from outside goes on here.
        match self.state.checkpoint.take() {
            Some(wanted) if flow.is_ok() || self.state.interrupted => {
                both(flow, self.write_checkpoint(&wanted).map_err(Stop::Error))
            }
            _ => flow,
        }
    }
}

fn not_under_way(callback: &str, scope: Scope, event: Event) -> Error {
    Error::Callback {
        callback: callback.to_owned(),
        source: format!("cancelled {scope:?}, which is not under way at {event:?}").into(),
    }
}
