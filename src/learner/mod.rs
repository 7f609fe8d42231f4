//! fastai's `Learner`: data, a model, a loss and an optimizer, with methods to train and validate.
//!
//! The training loop is in `fit.rs`. Everything beside it is a [`Callback`].

mod batch;
mod builder;
mod callback;
mod dispatch;
mod export;
mod fit;
mod gradients;
mod groups;
mod interpret;
mod loss_history;
mod lr_find;
mod names;
mod rates;
mod recorder;
mod resume;
mod same_run;
mod save;
mod schedules;
mod state;
mod summary;
mod task;
mod terminate_on_nan;
mod training;
mod tta;

pub use builder::Learner;
pub use callback::{Callback, Flow, Scope, Stop};
pub use gradients::MapGradient;
pub use loss_history::Losses;
pub use lr_find::LrFinder;
pub use rates::Rates;
pub use schedules::{FineTune, ParamScheduler};
pub use state::State;
pub use task::Task;
pub use terminate_on_nan::TerminateOnNan;
