//! `fastburn confusion`: which classes a trained model takes for which.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::plot::text::Paint;
use fastburn::plot::{Cells, confusion_matrix, plot_confusion_matrix};
use serde_json::json;

use super::judged::{self, Judged};
use super::{table, tell};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    judged: judged::Options,
    /// Show shares of each actual class in place of counts
    #[arg(long)]
    normalize: bool,
    /// How often a class was taken for another at least, to be listed below the matrix
    #[arg(long, default_value = "1", value_name = "IMAGES")]
    min: usize,
    /// Save the matrix as a picture, .svg or .png
    #[arg(long, value_name = "FILE", value_parser = super::picture)]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Judged { seen, .. } = judged::judge(&arguments.judged)?;
    let confusion = seen.confusion();
    let cells = if arguments.normalize { Cells::Shares } else { Cells::Counts };
    if let Some(file) = &arguments.out {
        plot_confusion_matrix(&confusion, cells)?.save(file)?;
        tell(format_args!("picture {}", file.display()));
    }
    let pairs = confusion.most_confused(arguments.min);
    let mut out = stdout().lock();
    if arguments.judged.json {
        let pairs = pairs.iter().map(|(actual, predicted, count)| {
            json!({ "actual": actual, "predicted": predicted, "images": count })
        });
        let pairs: Vec<_> = pairs.collect();
        let (classes, counts) = (&confusion.classes, &confusion.counts);
        let mut line = json!({ "classes": classes, "counts": counts, "most_confused": pairs });
        if arguments.normalize {
            line["shares"] = json!(confusion.shares());
        }
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "rows: actual, columns: predicted\n")?;
    writeln!(out, "{}", confusion_matrix(&confusion, cells)?.text(Paint::of(&stdout())))?;
    let mut rows = vec![["actual", "predicted", "images"].map(String::from)];
    rows.extend(pairs.iter().map(|&(actual, predicted, count)| {
        [actual.to_owned(), predicted.to_owned(), count.to_string()]
    }));
    write!(out, "{}", table::lines(&rows))?;
    Ok(ExitCode::SUCCESS)
}
