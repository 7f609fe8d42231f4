//! Sends events to the callbacks, and cleans up after each part of a fit.

use burn::module::Module;
use burn::tensor::Device;

use super::builder::{Attached, Learner};
use super::callback::{Event, Flow, Scope, Stop, combine, notify};
use super::task::Task;
use crate::data::DataLoader;
use crate::error::Error;

impl<T: Task> Learner<T> {
    /// Prepares the model and the state for a part. Returns its loader and its batches' device.
    pub(super) fn begin(&mut self, part: Scope) -> (DataLoader<T::Input, T::Target>, Device) {
        let state = &mut self.state;
        state.training = part == Scope::Train;
        let (loader, device) = if state.training {
            // Not a running count: an earlier epoch's training may have been left early.
            state.trained = state.epoch * state.dls.train.len();
            state.model = state.model.take().map(|model| model.train());
            (state.dls.train.clone().training(true), state.device.clone().autodiff())
        } else {
            state.model = state.model.take().map(|model| model.valid());
            (state.dls.valid.clone().training(false), state.device.clone())
        };
        state.batches = loader.len();
        state.batch_index = 0;
        (loader, device)
    }

    /// Runs a part of the fit between its two events. Its `after_…` event is sent whatever happens
    /// before. A cancel of this part, within it or by that event, has no effect outside the part.
    pub(super) fn within(&mut self, scope: Scope, part: impl FnOnce(&mut Self) -> Flow) -> Flow {
        self.under_way.push(scope);
        let result = self.emit(scope.before()).and_then(|()| part(self));
        if scope == Scope::Train {
            self.at_train_end = Some(self.event_state());
        }
        self.state.failed |= matches!(result, Err(Stop::Error(_)));
        let cleanup = self.emit(scope.after());
        self.under_way.pop();
        match combine(result, cleanup) {
            Err(Stop::Cancel(cancelled)) if cancelled == scope => Ok(()),
            flow => flow,
        }
    }

    /// Sends an event to the callbacks, in their order. After the first [`Stop`] the others are
    /// skipped, unless the event is a clean-up, which all of them receive.
    pub(super) fn emit(&mut self, event: Event) -> Flow {
        let mut flow = Ok(());
        for Attached { callback, .. } in &mut self.callbacks {
            if self.sweeping && !callback.affects_steps() {
                continue;
            }
            let mut result = notify(callback.as_mut(), event, &mut self.state);
            if let Err(Stop::Cancel(scope)) = result
                && !self.under_way.contains(&scope)
            {
                result = Err(Stop::Error(not_under_way(callback.name(), scope, event)));
            }
            flow = combine(flow, result);
            if flow.is_err() && !event.is_cleanup() {
                break;
            }
        }
        // If a part is cancelled at this event, the checkpoint at the part's end counts instead. An
        // interrupted fit resumes from this event, so its checkpoint is written here.
        match self.state.checkpoint.take() {
            Some(request) if flow.is_ok() || self.state.interrupted => {
                combine(flow, self.write_checkpoint(&request).map_err(Stop::Error))
            }
            _ => flow,
        }
    }
}

fn not_under_way(callback: &str, scope: Scope, event: Event) -> Error {
    Error::Callback {
        callback: callback.to_owned(),
        source: format!("cannot cancel {scope:?} at {event:?}: it is not under way").into(),
    }
}
