//! `fastburn top-losses`: the images that a trained model is worst at.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::plot::plot_top_losses;
use serde_json::json;

use super::judged::{self, Judged};
use super::{json, table, tell};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    judged: judged::Options,
    /// How many images to list
    #[arg(long, default_value = "9")]
    images: NonZeroUsize,
    /// Save these images as a picture, .svg or .png
    #[arg(long, value_name = "FILE", value_parser = super::picture)]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Judged { folder, seen } = judged::judge(&arguments.judged)?;
    let count = arguments.images.get();
    if let Some(file) = &arguments.out {
        plot_top_losses(&seen, &folder, count)?.save(file)?;
        tell(format_args!("picture {}", file.display()));
    }
    let items = seen.top_losses(count);
    let mut out = stdout().lock();
    if arguments.judged.json {
        let items = items.iter().map(|item| {
            json!({
                "image": folder.file_name(item.index),
                "prediction": seen.classes[item.predicted],
                "actual": seen.classes[item.actual],
                "loss": json::number(item.loss),
                "probability": json::number(item.probability()),
            })
        });
        let items: Vec<_> = items.collect();
        writeln!(out, "{}", json!({ "images": seen.items.len(), "top_losses": items }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["image", "prediction", "actual", "loss", "probability"].map(String::from)];
    rows.extend(items.iter().map(|item| {
        [
            folder.file_name(item.index),
            seen.classes[item.predicted].clone(),
            seen.classes[item.actual].clone(),
            format!("{:.4}", item.loss),
            format!("{:.4}", item.probability()),
        ]
    }));
    write!(out, "{}", table::lines(&rows))?;
    Ok(ExitCode::SUCCESS)
}
