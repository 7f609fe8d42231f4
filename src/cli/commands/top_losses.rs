//! `fastburn top-losses`: the images on which a trained model has the highest loss.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::plot::plot_top_losses;
use serde_json::json;

use crate::cli::arguments::evaluation::{Evaluation, EvaluationOptions, evaluate};
use crate::cli::arguments::values::{count, picture};
use crate::cli::output::print::{json_number, say_picture, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    evaluation: EvaluationOptions,
    /// Number of images to list
    #[arg(long, value_parser = count, default_value = "9", value_name = "N", help_heading = "Output")]
    images: NonZeroUsize,
    /// Save these images as a picture (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "Example:\n  fastburn top-losses digits.safetensors mnist --out worst.png";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Evaluation { folder, answers } = evaluate(&arguments.evaluation)?;
    let count = arguments.images.get();
    if let Some(file) = &arguments.out {
        plot_top_losses(&answers, &folder, count)?.save(file)?;
        say_picture(file);
    }
    let items = answers.top_losses(count);
    let mut out = stdout().lock();
    if arguments.evaluation.json {
        let items = items.iter().map(|item| {
            json!({
                "image": folder.file_name(item.index),
                "prediction": answers.classes[item.predicted],
                "actual": answers.classes[item.actual],
                "loss": json_number(item.loss),
                "probability": json_number(item.probability()),
            })
        });
        let items: Vec<_> = items.collect();
        writeln!(out, "{}", json!({ "images": answers.items.len(), "top_losses": items }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["image", "prediction", "actual", "loss", "probability"].map(String::from)];
    rows.extend(items.iter().map(|item| {
        [
            folder.file_name(item.index),
            answers.classes[item.predicted].clone(),
            answers.classes[item.actual].clone(),
            format!("{:.4}", item.loss),
            format!("{:.4}", item.probability()),
        ]
    }));
    write!(out, "{}", table(&rows))?;
    Ok(ExitCode::SUCCESS)
}
