//! Callbacks: early stopping, checkpoints, logs, gradient clipping and other additions to training.
//!
//! A learner takes a [`Callback`](crate::learner::Callback) with
//! [`callback`](crate::learner::Learner::callback), or with [`with`](crate::learner::Learner::with)
//! for one fit. All but [`Checkpoint`] use only what a custom callback can use as well.
//!
//! # Writing a callback
//!
//! A callback is a type with a method for each event that it handles; the other events do nothing.
//! It can read and change the [`State`](crate::learner::State): the learning rate, the batch, the
//! loss, the gradients, the model. This one trains on noisy images and ends the fit once the
//! validation loss is below a target:
//!
//! ```
//! use burn::tensor::{Distribution, Tensor};
//! use fastburn::learner::{Callback, Flow, Scope, State, Stop};
//! use fastburn::models::Model;
//!
//! struct Noise(f64);
//!
//! impl<T: Task<Input = Tensor<4>>> Callback<T> for Noise {
//!     fn before_batch(&mut self, state: &mut State<T>) -> Flow {
//!         let (training, Some(batch)) = (state.training, &mut state.batch) else { return Ok(()) };
//!         if training {
//!             let noise = Distribution::Normal(0.0, self.0);
//!             batch.input = batch.input.clone() + batch.input.random_like(noise);
//!         }
//!         Ok(())
//!     }
//!
//!     fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
//!         match &state.validation {
//!             Some(validation) if validation.loss < 0.5 => Err(Stop::Cancel(Scope::Fit)),
//!             _ => Ok(()),
//!         }
//!     }
//! }
//!
//! # use fastburn::prelude::*;
//! # let device = device::cpu()?;
//! # let dls = Splits::digits()?.loaders(64, 42, &device)?;
//! # let model = MlpConfig::new([784, 50, 10]).init(&device, 42)?;
//! let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(Noise(0.1));
//! learn.fit(10, 3e-3)?;
//! assert!(learn.history().epochs.len() < 10);
//! # Ok::<(), fastburn::Error>(())
//! ```
//!
//! An [`Error`](crate::Error) ends the fit. However a part of the fit ends, every callback receives
//! its `after_…` event. [`order`](crate::learner::Callback::order) sets the position among the
//! callbacks: [`ParamScheduler`](crate::learner::ParamScheduler) has -40, [`GradientClip`] 10,
//! [`WeightDecay`] 20, [`EpochTable`] 50, [`SaveModel`] 61, [`ReduceLrOnPlateau`] 62,
//! [`EarlyStopping`] 63, the loggers 70, [`Checkpoint`] 90 and [`Notes`] 95. A callback with state
//! saves it in [`save`](crate::learner::Callback::save) and restores it in
//! [`restore`](crate::learner::Callback::restore). A callback that changes the training step itself
//! returns `true` in [`affects_steps`](crate::learner::Callback::affects_steps).

mod activation_stats;
mod checkpoint;
mod cut_mix;
mod early_stopping;
mod epoch_table;
mod gradient_accumulation;
mod gradient_clip;
mod loggers;
mod mix_up;
mod mixed_precision;
mod monitor;
mod reduce_lr;
mod save_model;
mod weight_decay;

pub use activation_stats::ActivationStats;
pub use checkpoint::{Checkpoint, StopFlag};
pub use cut_mix::CutMix;
pub use early_stopping::EarlyStopping;
pub use epoch_table::{EpochTable, Notes};
pub use gradient_accumulation::GradientAccumulation;
pub use gradient_clip::GradientClip;
pub use loggers::{CsvLogger, JsonLogger};
pub use mix_up::MixUp;
pub use mixed_precision::{Half, MixedPrecision};
pub use monitor::Monitor;
pub use reduce_lr::ReduceLrOnPlateau;
pub use save_model::{ModelFiles, SaveFormat, SaveModel, WeightFiles};
pub use weight_decay::WeightDecay;
