//! `fastburn summary`: what `train` with these options would train.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::Summary;
use fastburn::models::Portable;

use super::learners::{self, with_learner};
use super::settings::Settings;
use super::{opened, reading};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(help = opened::DATA_OR_DIGITS)]
    data: Option<PathBuf>,
    #[command(flatten)]
    opening: opened::Options,
    #[command(flatten)]
    memory: reading::Memory,
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { opening, memory, settings, .. } = arguments;
    let learner = learners::open(arguments.data.as_deref(), opening, *memory, settings)?;
    let summary = with_learner!(learner, learn => {
        Summary { model: learn.model().architecture().to_string(), ..learn.summary()? }
    });
    let mut out = stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&summary)?)?,
        false => writeln!(out, "{summary}")?,
    }
    Ok(ExitCode::SUCCESS)
}
