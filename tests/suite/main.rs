//! fastburn's behaviour, through its public API and its program.
//!
//! One binary, since each would link Burn anew, and on a GPU each process compiles its kernels
//! anew. Every test that computes does so on every backend of the build.

#![allow(missing_docs, clippy::unwrap_used)]

mod any_images;
mod backends;
mod baselines;
mod built_in_callbacks;
#[cfg(feature = "burn-train")]
mod burn_learner;
mod callbacks;
mod center_crops;
mod checkpoint_folders;
mod checkpoints;
mod class_balance;
mod coming_from_fastai;
mod conv_models;
mod conversions;
mod crafted_archives;
mod data_cache;
mod data_checks;
mod devices;
mod digits;
mod downloads;
mod explanations;
mod fine_tuning;
mod hostile_archives;
mod hostile_model_files;
mod http_server;
mod idx_files;
mod image_folders;
mod interpretations;
mod kills;
mod label_files;
mod layer_groups;
mod layers;
mod learning;
mod loaders;
mod losses_and_metrics;
mod lr_curves;
mod lr_find;
mod mnist;
mod model_files;
mod models;
mod observing;
mod optimizers;
mod own_model_files;
mod own_models;
mod plots;
mod predictors;
mod pretrained;
mod program;
mod program_explains;
mod program_fetches;
mod program_fine_tunes;
mod program_judges;
mod program_predicts;
mod program_pretrained;
mod program_trains;
mod pytorch;
mod reference;
mod rows;
mod schedules;
mod scores;
mod served;
mod strange_trees;
mod streaming;
mod summaries;
mod support;
mod torchvision;
mod training_plots;
mod transfer;
mod transferred_weights;
mod written_files;
