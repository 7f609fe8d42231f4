//! `fastburn lr-find`: a search for the learning rate.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::learner::LrFinder;
use fastburn::plot::{plot_lr_find, text};
use fastburn::records::LrCurve;
use serde_json::{Map, json};

use crate::cli::arguments::data::{DATA_OR_DIGITS, DataOptions};
use crate::cli::arguments::given::Given;
use crate::cli::arguments::images::MemoryOptions;
use crate::cli::arguments::settings::Settings;
use crate::cli::arguments::values::{count, picture};
use crate::cli::learner::{self, with_learner};
use crate::cli::output::print::{say, say_picture};

/// The width of the curve in characters.
const WIDTH: usize = 60;

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
    /// Learning rate of the first batch
    #[arg(long, default_value = "1e-7", value_name = "LR", help_heading = "Search")]
    start: f64,
    /// Learning rate of the last batch
    #[arg(long, default_value = "10", value_name = "LR", help_heading = "Search")]
    end: f64,
    /// Number of batches to train on
    #[arg(long, value_parser = count, default_value = "100", value_name = "N", help_heading = "Search")]
    steps: NonZeroUsize,
    /// Save the curve as a picture (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print the suggestions and the whole curve as one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fastburn lr-find photos --size 64
  fastburn lr-find mnist --model mlp --hidden 500 --out curve.png
  fastburn lr-find photos --from photos.safetensors --fine-tune    with a frozen body";

pub fn run(arguments: &Arguments, given: &Given) -> Result<ExitCode> {
    let (start, end, steps) = (arguments.start, arguments.end, arguments.steps.get());
    let finder = LrFinder { start, end, steps, ..LrFinder::default() };
    let Arguments { opening, memory, settings, .. } = arguments;
    let learner = learner::open(arguments.data.as_deref(), opening, *memory, settings, given)?;
    let curve = with_learner!(learner, learn => {
        let mut learn = learn;
        learn.lr_find_with(finder)?
    });
    if let Some(file) = &arguments.out {
        plot_lr_find(&curve)?.save(file)?;
        say_picture(file);
    }
    if arguments.json {
        print_json(&curve)?;
    } else {
        print_text(&curve)?;
    }
    if let Some(warning) = curve.warning() {
        say(format_args!("warning: {warning}"));
    }
    Ok(if curve.suggestion().is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_text(curve: &LrCurve) -> Result<()> {
    let mut out = stdout().lock();
    if let (Some(first), Some(last)) = (curve.lrs.first(), curve.lrs.last()) {
        writeln!(out, "loss  {}", text::sparkline(&curve.losses, WIDTH))?;
        writeln!(out, "      from learning rate {first:.1e} to {last:.1e}\n")?;
    }
    for (name, lr) in curve.suggestions() {
        match lr {
            Some(lr) => writeln!(out, "{name:<8}  {lr:.2e}")?,
            None => writeln!(out, "{name:<8}  none")?,
        }
    }
    Ok(())
}

fn print_json(curve: &LrCurve) -> Result<()> {
    let suggestions = curve.suggestions().into_iter();
    let suggestions: Map<_, _> =
        suggestions.map(|(name, lr)| (name.to_owned(), json!(lr))).collect();
    let line = json!({
        "suggestions": suggestions,
        "warning": curve.warning(),
        "lrs": curve.lrs,
        "losses": curve.losses,
    });
    writeln!(stdout().lock(), "{line}")?;
    Ok(())
}
