//! `fastburn info`: the contents of a model file.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::module::Module;
use fastburn::loss::Outputs;
use fastburn::models::{Activation, Architecture};
use fastburn::vision::Predictor;
use fastburn::{device, printable};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Model file written by `fastburn train --out`
    model: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Example:\n  fastburn info digits.safetensors";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Loading proves that the file is complete and that its weights fit the architecture.
    let predictor = Predictor::load(&arguments.model, &device::cpu()?)?;
    let (card, parameters) = (predictor.card(), predictor.model().num_params());
    let mut out = stdout().lock();
    if arguments.json {
        let mut line = serde_json::to_value(card)?;
        line["parameters"] = parameters.into();
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let classes: Vec<_> = card.classes.iter().map(|class| printable(class)).collect();
    let architecture = match &card.architecture {
        Architecture::Mlp(config) if config.activation == Activation::Sigmoid => {
            format!("{}, sigmoid", card.architecture)
        }
        other => other.to_string(),
    };
    let outputs = match card.outputs {
        Outputs::Sigmoid => "independent classes",
        _ => "one class per image",
    };
    writeln!(out, "model       {architecture}, {parameters} parameters")?;
    writeln!(out, "images      {}", predictor.format())?;
    writeln!(out, "classes     {}: {}", classes.len(), classes.join(", "))?;
    writeln!(out, "loss        {}, {outputs}", printable(&card.loss))?;
    for (name, value) in &card.metrics {
        writeln!(out, "{:<10}  {value:.6}", printable(name))?;
    }
    writeln!(out, "written by  fastburn {}", printable(&card.fastburn_version))?;
    Ok(ExitCode::SUCCESS)
}
