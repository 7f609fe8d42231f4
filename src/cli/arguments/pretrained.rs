//! Pretrained weights by name.

use std::collections::BTreeSet;

use anyhow::Result;
use fastburn::Error;
use fastburn::datasets::{Cache, Fetch};
use fastburn::models::StateDict;
use fastburn::pretrained::{Mirror, PretrainedWeights, catalog, find};

use crate::cli::output::progress::DownloadBar;

/// Returns pretrained weights, downloaded if they are not in the cache.
pub fn download(weights: PretrainedWeights) -> Result<StateDict> {
    let weights = match Mirror::from_environment()? {
        Some(mirror) => mirror.redirect(weights),
        None => weights,
    };
    let bar = DownloadBar::default();
    let fetch = Fetch::new(Cache::open()?).progress(|progress| bar.show(progress));
    let weights = weights.load(&fetch);
    bar.clear();
    Ok(weights?)
}

/// Finds the pretrained weights of a model, by their name or, if it is empty, the model's first.
pub fn find_for(model: &str, name: &str) -> Result<PretrainedWeights> {
    let architectures = catalog().into_iter().map(|weights| weights.architecture);
    let architectures: BTreeSet<_> = architectures.collect();
    if !architectures.contains(model) {
        let names: Vec<_> = architectures.into_iter().collect();
        let problem = format!("{model} has no pretrained weights");
        let remedy = Some(format!("choose --model {}", names.join(", ")).into());
        return Err(Error::Usage { problem, remedy }.into());
    }
    let weights = find(if name.is_empty() { model } else { name })?;
    if weights.architecture != model {
        let problem =
            format!("{} are weights of {}, not {model}", weights.name(), weights.architecture);
        let remedy = Some("choose their model with --model, or other weights".into());
        return Err(Error::Usage { problem, remedy }.into());
    }
    Ok(weights)
}
