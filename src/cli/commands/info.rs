//! `fastburn info`: the contents of a model file.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::data::InputFormat;
use fastburn::loss::Outputs;
use fastburn::models::{ModelFile, Registry, count_parameters};
use fastburn::rows::RowSpec;
use fastburn::vision::ImageSpec;
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
    let device = device::cpu()?;
    let file = ModelFile::load(&arguments.model, &device)?;
    let (card, model) = (file.card(), file.model());
    let parameters = count_parameters(model);
    let mut out = stdout().lock();
    if arguments.json {
        let mut line = serde_json::to_value(card)?;
        line["parameters"] = parameters.into();
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "model       {}, {parameters} parameters", model.description()?)?;
    match &card.input {
        InputFormat::Image(_) => {
            writeln!(out, "images      {}", ImageSpec::of_model(&file)?)?;
            if let Some(policy) = card.input.augmentation() {
                writeln!(out, "augmented   {}", printable(policy))?;
            }
        }
        InputFormat::Rows(_) => {
            let features = RowSpec::of_model(&file)?.features;
            let names: Vec<_> = features.iter().map(|feature| printable(&feature.name)).collect();
            writeln!(out, "rows        {}: {}", names.len(), names.join(", "))?;
        }
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
