//! The options for the trained model with which images are predicted or explained.

use std::path::PathBuf;

use anyhow::Result;
use burn::tensor::Device;
use fastburn::Error;
use fastburn::models::StateDict;
use fastburn::pretrained::find;
use fastburn::vision::Predictor;

use super::evaluation::load_classifier;
use super::pretrained;

#[derive(Debug, clap::Args)]
pub struct PredictorOptions {
    /// Model file written by `fastburn train --out`, or the name of pretrained weights
    model: PathBuf,
    /// File of weights with PyTorch's names, for a MODEL that is a name (.pth or .safetensors)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

impl PredictorOptions {
    /// Loads the model file, or the pretrained weights of that name.
    pub fn open(&self, device: &Device) -> Result<Predictor> {
        let Self { model, weights } = self;
        let name = model.to_str().unwrap_or_default();
        if let Some(file) = weights {
            let known = find(name).map_err(|_| Error::Usage {
                problem: format!(
                    "--weights needs the name of pretrained weights as MODEL, not {name}"
                ),
                remedy: Some("leave it out for a model file, which has its own weights".into()),
            })?;
            return Ok(known.predictor(&StateDict::open(file)?, device)?);
        }
        // A broken link counts as a path too, not as a name.
        match find(name) {
            Ok(known) if model.symlink_metadata().is_err() => {
                let weights = pretrained::download(known.clone())?;
                Ok(known.predictor(&weights, device)?)
            }
            _ => load_classifier(model, device),
        }
    }
}
