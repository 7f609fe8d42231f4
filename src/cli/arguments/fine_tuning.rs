//! Options for fine-tuning a trained model.

use std::num::NonZeroUsize;

use anyhow::Result;
use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::learner::FineTune;
use fastburn::models::{AnyModel, Model, Registry};
use serde::{Deserialize, Serialize};

use super::values::count;

/// fastai's fine-tuning, instead of a schedule.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Training")]
pub struct FineTuning {
    /// Train the head with a frozen body, then all layers at lower rates; fastai's fine_tune
    #[arg(long, conflicts_with = "schedule")]
    #[serde(default)]
    pub fine_tune: bool,
    /// Number of epochs with a frozen body, before those of --epochs [default: 1]
    #[arg(long, value_parser = count, value_name = "N", requires = "fine_tune")]
    #[serde(default)]
    pub freeze_epochs: Option<NonZeroUsize>,
}

impl FineTuning {
    /// Returns fastai's settings at this learning rate, if a model is fine-tuned.
    pub fn at(&self, base_lr: f64) -> Option<FineTune> {
        let settings = FineTune { base_lr, ..FineTune::default() };
        let freeze_epochs = self.freeze_epochs.map_or(settings.freeze_epochs, NonZeroUsize::get);
        self.fine_tune.then_some(FineTune { freeze_epochs, ..settings })
    }

    /// Fails if a model that is fine-tuned has no body to freeze.
    pub fn check_model(&self, model: &AnyModel) -> Result<()> {
        if self.fine_tune && Model::<Tensor<4>>::layer_groups(model).len() < 2 {
            let problem = format!("{} is a head without a body to freeze", model.description()?);
            return Err(
                Error::Usage { problem, remedy: Some("leave out --fine-tune".into()) }.into()
            );
        }
        Ok(())
    }
}
