//! The events of a fit, and the callbacks that handle them.

use serde_json::Value;

use super::state::State;
use super::task::Task;
use crate::error::{Error, Result};

/// A part of a fit that a callback can leave early, ordered from smallest to largest.
///
/// The part's `after_…` event still runs, and the fit continues after the part. Leaving a part
/// that is not under way, such as validation during training, is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The current batch.
    Batch,
    /// The training part of an epoch.
    Train,
    /// The validation part of an epoch.
    Validate,
    /// The current epoch.
    Epoch,
    /// The whole fit.
    Fit,
}

/// The reason why a fit does not continue normally after an event.
#[derive(Debug)]
pub enum Stop {
    /// Leaves this part early, without an error.
    Cancel(Scope),
    /// Ends the fit with this error.
    Error(Error),
}

/// The result of an event: continue, or [`Stop`].
pub type Flow = std::result::Result<(), Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Combines two results: an error beats a cancel, a larger cancelled part beats a smaller one.
pub(super) fn combine(first: Flow, second: Flow) -> Flow {
    match (first, second) {
        (Ok(()), other) | (other, Ok(())) => other,
        (error @ Err(Stop::Error(_)), _) | (_, error @ Err(Stop::Error(_))) => error,
        (Err(Stop::Cancel(one)), Err(Stop::Cancel(other))) => Err(Stop::Cancel(one.max(other))),
    }
}

macro_rules! events {
    ($($event:ident $method:ident $doc:literal),+ $(,)?) => {
        /// The events of a fit, by fastai's names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Event {
            $(#[doc = $doc] $event),+
        }

        /// A handler of the events of a fit, which it can watch and change.
        ///
        /// Each method handles one event and does nothing by default. It may read and change the
        /// [`State`]. It returns `Ok(())` to continue, `Err(Stop::Cancel(scope))` to leave a part
        /// of the fit early, or an error to end the fit. Callbacks run by ascending
        /// [`order`](Self::order), and those of equal order in the order in which they were added.
        /// Once a part has begun, every callback receives its `after_…` event, whatever happened.
        ///
        /// ```
        /// use fastburn::learner::{Callback, Flow, State, Task};
        ///
        /// /// Halves the learning rate after each epoch.
        /// struct Halve;
        ///
        /// impl<T: Task> Callback<T> for Halve {
        ///     fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        ///         state.lr /= 2.0;
        ///         Ok(())
        ///     }
        /// }
        /// ```
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is not a callback of a learner of `{T}`",
            label = "not a callback of this learner",
            note = "implement `fastburn::learner::Callback<T>` for it, where `T: Task` has this \
                    learner's types"
        )]
        pub trait Callback<T: Task>: Send {
            /// Returns the position among the callbacks, 0 by default: lower numbers run first. The
            /// recorder has -50, fastburn's displays have 50.
            fn order(&self) -> i32 {
                0
            }

            /// Returns the name for messages and checkpoints. The default is the type's name, which
            /// may differ between builds: a callback that [saves](Self::save) state should override
            /// it.
            fn name(&self) -> &'static str {
                std::any::type_name::<Self>()
            }

            /// Returns whether the callback changes the training step itself, as gradient clipping
            /// does. [`lr_find`](super::Learner::lr_find) runs only such callbacks.
            fn affects_steps(&self) -> bool {
                false
            }

            /// Returns the state to save in checkpoints; `Null` for none. A callback returns `Null`
            /// either always or never.
            fn save(&self) -> Value {
                Value::Null
            }

            /// Restores the state that [`save`](Self::save) returned when a run is resumed: after
            /// `before_fit`, and also after `before_train` if the resumed epoch had begun, because
            /// the events that begin the epoch are repeated.
            ///
            /// # Errors
            ///
            /// If the saved state is invalid.
            fn restore(&mut self, saved: &Value) -> Result<()> {
                let _ = saved;
                Ok(())
            }

            $(
                #[doc = $doc]
                ///
                /// # Errors
                ///
                /// A [`Stop`], to leave a part of the fit early or to end it.
                fn $method(&mut self, state: &mut State<T>) -> Flow {
                    let _ = state;
                    Ok(())
                }
            )+
        }

        /// Calls the callback's method for an event.
        pub(super) fn notify<T: Task>(
            callback: &mut dyn Callback<T>,
            event: Event,
            state: &mut State<T>,
        ) -> Flow {
            match event {
                $(Event::$event => callback.$method(state)),+
            }
        }
    };
}

events! {
    BeforeFit before_fit "Called at the start of `fit`.",
    BeforeEpoch before_epoch "Called at the start of each epoch.",
    BeforeTrain before_train "Called at the start of the training part of each epoch.",
    BeforeBatch before_batch "Called after a batch is loaded, for training or validation.",
    AfterPred after_pred "Called after the forward pass.",
    AfterLoss after_loss "Called after the loss is computed.",
    BeforeBackward before_backward "Called before the gradients are computed; training only.",
    AfterBackward after_backward "Called after the gradients are computed; training only.",
    BeforeStep before_step "Called before the optimizer step; training only.",
    AfterStep after_step "Called after the optimizer step; training only.",
    AfterBatch after_batch "Called at the end of each batch.",
    AfterTrain after_train "Called at the end of the training part of each epoch.",
    BeforeValidate before_validate "Called at the start of each validation pass.",
    AfterValidate after_validate "Called at the end of each validation pass.",
    AfterEpoch after_epoch "Called at the end of each epoch.",
    AfterFit after_fit "Called at the end of `fit`.",
}

impl Event {
    /// Returns whether the event ends a part of the fit. Such an event reaches every callback.
    pub fn is_cleanup(self) -> bool {
        matches!(
            self,
            Self::AfterBatch
                | Self::AfterTrain
                | Self::AfterValidate
                | Self::AfterEpoch
                | Self::AfterFit
        )
    }
}

impl Scope {
    pub(super) fn before(self) -> Event {
        match self {
            Self::Batch => Event::BeforeBatch,
            Self::Train => Event::BeforeTrain,
            Self::Validate => Event::BeforeValidate,
            Self::Epoch => Event::BeforeEpoch,
            Self::Fit => Event::BeforeFit,
        }
    }

    pub(super) fn after(self) -> Event {
        match self {
            Self::Batch => Event::AfterBatch,
            Self::Train => Event::AfterTrain,
            Self::Validate => Event::AfterValidate,
            Self::Epoch => Event::AfterEpoch,
            Self::Fit => Event::AfterFit,
        }
    }
}
