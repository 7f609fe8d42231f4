//! `fastburn baseline`: what pixel similarity alone gets right.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::Confusion;
use fastburn::baseline::{Baseline, Distance, mean_images};
use fastburn::device;
use fastburn::plot::image_grid;
use fastburn::plot::text::printable;

use super::{learners, opened, reading, tell};

/// How many mean images stand in a row of the picture.
const IN_ROW: usize = 5;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(help = opened::DATA)]
    data: PathBuf,
    #[command(flatten)]
    opening: opened::Options,
    #[command(flatten)]
    format: reading::Format,
    #[command(flatten)]
    bad: reading::Bad,
    #[command(flatten)]
    memory: reading::Memory,
    /// Where the validation images are drawn from, if the data does not say which they are
    #[arg(long, default_value = "42")]
    seed: u64,
    /// The device: auto, cpu, or a name that `fastburn devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// Save the mean image of each class as a picture, .svg or .png
    #[arg(long, value_name = "FILE", value_parser = super::picture)]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::named(&arguments.device)?;
    let splits = arguments.opening.splits(Some(&arguments.data), arguments.seed)?;
    let reading = arguments.memory.applied(arguments.bad.applied(arguments.format.reading()));
    let (train, valid) = learners::read(&splits, &reading)?;
    if let Some(file) = &arguments.out {
        let means = mean_images(&train)?;
        let titled: Vec<_> =
            means.iter().zip(train.classes()).map(|(mean, class)| (mean, class.as_str())).collect();
        image_grid(&titled, IN_ROW)?.save(file)?;
        tell(format_args!("picture {}", file.display()));
    }
    let evaluate = |distance| Baseline::new(&train, distance, &device)?.evaluate(valid.clone());
    let (l1, l2) = (evaluate(Distance::L1)?, evaluate(Distance::L2)?);
    if arguments.json {
        print_json(&l1, &l2)?;
    } else {
        print_table(&l1, &l2)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(l1: &Confusion, l2: &Confusion) -> Result<()> {
    let mut out = stdout().lock();
    let width = l1.classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "{:width$}  images  l1        l2", "class")?;
    for (index, class) in l1.classes.iter().map(|class| printable(class)).enumerate() {
        let (by_l1, by_l2) = (l1.class_accuracy(index), l2.class_accuracy(index));
        writeln!(out, "{class:width$}  {:<6}  {by_l1:.6}  {by_l2:.6}", l1.of_class(index))?;
    }
    let images: usize = (0..l1.classes.len()).map(|class| l1.of_class(class)).sum();
    writeln!(out, "{:width$}  {images:<6}  {:.6}  {:.6}", "all", l1.accuracy(), l2.accuracy())?;
    Ok(())
}

fn print_json(l1: &Confusion, l2: &Confusion) -> Result<()> {
    let of = |confusion: &Confusion| {
        let (accuracy, counts) = (confusion.accuracy(), &confusion.counts);
        serde_json::json!({ "accuracy": accuracy, "counts": counts })
    };
    let line = serde_json::json!({ "classes": l1.classes, "l1": of(l1), "l2": of(l2) });
    writeln!(stdout().lock(), "{line}")?;
    Ok(())
}
