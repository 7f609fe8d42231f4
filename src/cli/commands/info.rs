//! `fastburn info`: the contents of a model file.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::module::Module;
use fastburn::data::InputFormat;
use fastburn::loss::Outputs;
use fastburn::models::{ModelFile, Registry};
use fastburn::rows::RowSpec;
use fastburn::vision::Predictor;
use fastburn::{device, printable};
use serde_json::Value;

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
    let device = device::cpu()?;
    let ModelFile { card, model, .. } = ModelFile::load(&arguments.model, &device)?;
    let parameters = model.num_params();
    let mut out = stdout().lock();
    if arguments.json {
        let mut line = serde_json::to_value(card)?;
        line["parameters"] = parameters.into();
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "model       {}, {parameters} parameters", model.describe()?)?;
    match &card.input {
        InputFormat::Image(_) => {
            let predictor = Predictor::load(&arguments.model, &device)?;
            writeln!(out, "images      {}", predictor.format())?;
        }
        InputFormat::Rows(rows) => writeln!(out, "rows        {}", features(rows))?,
        _ => writeln!(out, "inputs      of another program")?,
    }
    let outputs = match card.outputs {
        Outputs::Values => "values",
        Outputs::Sigmoid => "independent classes",
        _ => "one class per item",
    };
    let (what, names) = match card.outputs {
        Outputs::Values => ("values", &card.values),
        _ => ("classes", &card.classes),
    };
    let listed: Vec<_> = names.iter().map(|name| printable(name)).collect();
    writeln!(out, "{what:<10}  {}: {}", names.len(), listed.join(", "))?;
    writeln!(out, "loss        {}, {outputs}", printable(&card.loss))?;
    for (name, value) in &card.metrics {
        writeln!(out, "{:<10}  {value:.6}", printable(name))?;
    }
    writeln!(out, "written by  fastburn {}", printable(&card.fastburn_version))?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the features of a model of rows.
fn features(rows: &Value) -> String {
    let rows: Option<RowSpec> = serde_json::from_value(rows.clone()).ok();
    let features = rows.map(|rows| rows.features).unwrap_or_default();
    let names: Vec<_> = features.iter().map(|feature| printable(&feature.name)).collect();
    format!("{}: {}", names.len(), names.join(", "))
}
