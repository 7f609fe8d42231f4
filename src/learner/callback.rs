//! Events of a fit, and what may happen at each.

use serde_json::Value;

use super::state::State;
use crate::error::{Error, Result};
use crate::models::Model;

/// A part of a fit that a callback can leave early, the smallest first.
///
/// The part's `after_…` events still run, and the fit goes on behind it. Leaving a part that is
/// not under way, such as the validation while it trains, is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The batch at hand.
    Batch,
    /// The training part of the epoch.
    Train,
    /// The validation part of the epoch.
    Validate,
    /// The epoch.
    Epoch,
    /// The whole fit.
    Fit,
}

/// Why an event does not simply go on.
#[derive(Debug)]
pub enum Stop {
    /// Leave that part early; the fit is not a failure.
    Cancel(Scope),
    /// End the fit with this error.
    Error(Error),
}

/// What an event comes to: go on, or [`Stop`].
pub type Flow = std::result::Result<(), Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What two answers come to: an error rather than a cancel, and the cancel of the larger part.
pub(super) fn both(first: Flow, second: Flow) -> Flow {
    match (first, second) {
        (Ok(()), other) | (other, Ok(())) => other,
        (error @ Err(Stop::Error(_)), _) | (_, error @ Err(Stop::Error(_))) => error,
        (Err(Stop::Cancel(one)), Err(Stop::Cancel(other))) => Err(Stop::Cancel(one.max(other))),
    }
}

macro_rules! events {
    ($($event:ident $method:ident $doc:literal),+ $(,)?) => {
        /// The moments of a fit, in fastai's names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Event {
            $(#[doc = $doc] $event),+
        }

        /// Something that watches or changes a fit.
        ///
        /// Each method is one event and does nothing unless you write it. It may read and change
        /// the [`State`], and returns `Ok(())` to go on, `Err(Stop::Cancel(scope))` to leave a
        /// part of the fit early, or an error to end it. At one event the callbacks run in the
        /// order of [`order`](Self::order), and those of one order as they were added. The
        /// `after_…` event of a part that was begun runs for every callback, whatever happened.
        ///
        /// ```
        /// use fastburn::learner::{Callback, Flow, State};
        /// use fastburn::models::Model;
        ///
        /// /// Halves the learning rate after each epoch.
        /// struct Halve;
        ///
        /// impl<M: Model<I>, I, T> Callback<M, I, T> for Halve {
        ///     fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        ///         state.lr /= 2.0;
        ///         Ok(())
        ///     }
        /// }
        /// ```
        pub trait Callback<M: Model<I>, I, T> {
            /// Where this callback stands among the others: lower numbers run first. The
            /// recorder's is -50, fastburn's displays' is 50.
            fn order(&self) -> i32 {
                0
            }

            /// What it is called in messages and in checkpoints. One that [saves](Self::save)
            /// something should have a name of its own, since a type's own name is only good for
            /// one build.
            fn name(&self) -> &'static str {
                std::any::type_name::<Self>()
            }

            /// Whether it is a part of how a step is made, as gradient clipping is, so that
            /// [`lr_find`](super::Learner::lr_find) needs it too; all others do not hear of it.
            fn changes_steps(&self) -> bool {
                false
            }

            /// What must be remembered for a run to go on from here: it goes into checkpoints. Null
            /// says that there is no memory; one callback gives always null or never.
            fn save(&self) -> Value {
                Value::Null
            }

            /// Takes back what [`save`](Self::save) gave, when a run is resumed: behind
            /// `before_fit`, and behind `before_train` if the resumed epoch had begun, whose
            /// events are told again.
            ///
            /// # Errors
            ///
            /// If it cannot be made sense of.
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
                fn $method(&mut self, state: &mut State<M, I, T>) -> Flow {
                    let _ = state;
                    Ok(())
                }
            )+
        }

        /// Tells one callback of one event.
        pub(super) fn tell<M: Model<I>, I, T>(
            callback: &mut dyn Callback<M, I, T>,
            event: Event,
            state: &mut State<M, I, T>,
        ) -> Flow {
            match event {
                $(Event::$event => callback.$method(state)),+
            }
        }
    };
}

events! {
    BeforeFit before_fit "A call of `fit` begins.",
    BeforeEpoch before_epoch "An epoch begins.",
    BeforeTrain before_train "The training part of an epoch begins.",
    BeforeBatch before_batch "A batch has been loaded, to train or to validate on.",
    AfterPred after_pred "The model has answered.",
    AfterLoss after_loss "The loss has been computed.",
    BeforeBackward before_backward "The gradients are about to be computed; training only.",
    AfterBackward after_backward "The gradients have been computed; training only.",
    BeforeStep before_step "The optimizer is about to step; training only.",
    AfterStep after_step "The optimizer has stepped; training only.",
    AfterBatch after_batch "A batch is over.",
    AfterTrain after_train "The training part of an epoch is over.",
    BeforeValidate before_validate "A validation pass begins.",
    AfterValidate after_validate "A validation pass is over.",
    AfterEpoch after_epoch "An epoch is over.",
    AfterFit after_fit "A call of `fit` is over.",
}

impl Event {
    /// Whether it ends a part of the fit, and so reaches every callback whatever happens.
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
