//! `fastburn validate`: the loss, accuracy and scores per class of a trained model.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use fastburn::records::ReportRow;
use serde_json::{Value, json};

use crate::cli::arguments::evaluation::{EvaluationOptions, evaluate};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    evaluation: EvaluationOptions,
}

const EXAMPLES: &str = "Example:\n  fastburn validate digits.safetensors mnist";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let answers = evaluate(&arguments.evaluation)?.answers;
    let (images, loss, report) = (answers.items.len(), answers.mean_loss(), answers.report());
    let wrong = answers.items.iter().filter(|item| item.actual != item.predicted).count();
    let error_rate = wrong as f64 / images as f64;
    let mut out = stdout().lock();
    if arguments.evaluation.json {
        let classes = report.classes.iter().map(|row| {
            let mut class = scores(row);
            class["name"] = row.name.as_str().into();
            class["images"] = row.support.into();
            class
        });
        let classes: Vec<_> = classes.collect();
        let line = json!({
            "images": images,
            "loss": loss,
            "accuracy": report.accuracy,
            "error_rate": error_rate,
            "macro_average": scores(&report.macro_average),
            "weighted_average": scores(&report.weighted_average),
            "classes": classes,
        });
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "images      {images}")?;
    writeln!(out, "loss        {loss:.6}")?;
    writeln!(out, "accuracy    {:.6}", report.accuracy)?;
    writeln!(out, "error rate  {error_rate:.6}\n")?;
    write!(out, "{report}")?;
    Ok(ExitCode::SUCCESS)
}

fn scores(row: &ReportRow) -> Value {
    json!({ "precision": row.precision, "recall": row.recall, "f1": row.f1 })
}
