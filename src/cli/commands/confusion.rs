//! `fastburn confusion`: the confusion matrix of a trained model.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::plot::text::Paint;
use fastburn::plot::{Cells, confusion_matrix_of, plot_confusion_matrix};
use serde::Serialize;

use crate::cli::arguments::evaluation::{EvaluationOptions, evaluate};
use crate::cli::arguments::values::picture;
use crate::cli::output::print::{say_picture, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    evaluation: EvaluationOptions,
    /// Normalise each row to shares of the actual class
    #[arg(long, help_heading = "Output")]
    normalize: bool,
    /// List pairs of classes that were confused at least N times
    #[arg(long, default_value = "1", value_name = "N", help_heading = "Output")]
    min: usize,
    /// Save the matrix as a picture (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  fastburn confusion digits.safetensors mnist
  fastburn confusion digits.safetensors mnist --normalize --out confusion.png";

/// The largest number of classes whose matrix fits a terminal.
const MOST_CLASSES: usize = 30;

/// The output of `--json`.
#[derive(Serialize)]
struct JsonLine<'a> {
    classes: &'a [String],
    counts: &'a [Vec<usize>],
    most_confused: Vec<ConfusedPair<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Vec<Vec<f64>>>,
}

#[derive(Serialize)]
struct ConfusedPair<'a> {
    actual: &'a str,
    predicted: &'a str,
    images: usize,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let confusion = evaluate(&arguments.evaluation)?.answers.confusion();
    let cells = if arguments.normalize { Cells::Normalized } else { Cells::Counts };
    if let Some(file) = &arguments.out {
        plot_confusion_matrix(&confusion, cells)?.save(file)?;
        say_picture(file);
    }
    let pairs = confusion.most_confused(arguments.min);
    let mut out = stdout().lock();
    if arguments.evaluation.json {
        let pairs = pairs.iter().map(|&(actual, predicted, images)| ConfusedPair {
            actual,
            predicted,
            images,
        });
        let line = JsonLine {
            classes: &confusion.classes,
            counts: &confusion.counts,
            most_confused: pairs.collect(),
            shares: arguments.normalize.then(|| confusion.normalized()),
        };
        let mut out = BufWriter::new(out);
        serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let (classes, shown) = (confusion.classes.len(), confusion.most_confused_classes(MOST_CLASSES));
    let left_out = if shown.len() < classes {
        format!("; the {MOST_CLASSES} most confused of {classes} classes")
    } else {
        String::new()
    };
    writeln!(out, "rows: actual, columns: predicted{left_out}\n")?;
    writeln!(
        out,
        "{}",
        confusion_matrix_of(&confusion, cells, &shown)?.text(Paint::of(&stdout()))
    )?;
    let mut rows = vec![["actual", "predicted", "images"].map(String::from)];
    rows.extend(pairs.iter().map(|&(actual, predicted, count)| {
        [actual.to_owned(), predicted.to_owned(), count.to_string()]
    }));
    write!(out, "{}", table(&rows))?;
    Ok(ExitCode::SUCCESS)
}
