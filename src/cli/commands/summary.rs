//! `fastburn summary`: the layers of the model that `train` would use with these options.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::models::Registry;
use fastburn::records::Summary;

use crate::cli::arguments::data::{DATA_OR_DIGITS, DataOptions};
use crate::cli::arguments::given::Given;
use crate::cli::arguments::images::MemoryOptions;
use crate::cli::arguments::settings::Settings;
use crate::cli::learner::{self, with_learner};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(help = DATA_OR_DIGITS)]
    data: Option<PathBuf>,
    #[command(flatten)]
    opening: DataOptions,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    memory: MemoryOptions,
    /// Print one JSON object instead of the table
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fastburn summary mnist --model mlp --hidden 200,50
  fastburn summary photos --from photos.safetensors --fine-tune    what is frozen at first";

pub fn run(arguments: &Arguments, given: &Given) -> Result<ExitCode> {
    let Arguments { opening, memory, settings, .. } = arguments;
    let learner = learner::open(arguments.data.as_deref(), opening, *memory, settings, given)?;
    let summary = with_learner!(learner, learn => {
        Summary { model: learn.model().description()?, ..learn.summary()? }
    });
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        writeln!(out, "{summary}")?;
    }
    Ok(ExitCode::SUCCESS)
}
