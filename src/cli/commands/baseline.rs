//! `fastburn baseline`: the accuracy of comparing pixels with mean images.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::device;
use fastburn::plot::image_grid;
use fastburn::records::Confusion;
use fastburn::vision::{Baseline, Distance, mean_images};

use crate::cli::arguments::data::SplitSeed;
use crate::cli::arguments::data::{DATA, DataOptions};
use crate::cli::arguments::images::{BadImageOptions, FormatOptions, MemoryOptions};
use crate::cli::arguments::settings::Device;
use crate::cli::arguments::values::picture;
use crate::cli::learner;
use crate::cli::output::print::{say_picture, table};

/// The number of mean images in a row of the picture.
const IN_ROW: usize = 5;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(help = DATA)]
    data: PathBuf,
    #[command(flatten)]
    opening: DataOptions,
    #[command(flatten)]
    seed: SplitSeed,
    #[command(flatten)]
    format: FormatOptions,
    #[command(flatten)]
    bad: BadImageOptions,
    #[command(flatten)]
    memory: MemoryOptions,
    #[command(flatten)]
    device: Device,
    /// Save the mean image of each class as a picture (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const EXAMPLES: &str = "Example:\n  fastburn baseline mnist --out means.png";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::open(&arguments.device.device)?;
    let splits = arguments.opening.splits(Some(&arguments.data), arguments.seed.seed)?;
    let reading = arguments.bad.applied(arguments.format.reading());
    let (train, valid) = learner::read(&splits, &arguments.memory.applied(reading))?;
    if let Some(file) = &arguments.out {
        let means = mean_images(&train)?;
        let titled: Vec<_> =
            means.iter().zip(train.classes()).map(|(mean, class)| (mean, class.as_str())).collect();
        image_grid(&titled, IN_ROW)?.save(file)?;
        say_picture(file);
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
    let mut rows = vec![["class", "images", "l1", "l2"].map(String::from)];
    rows.extend(l1.classes.iter().enumerate().map(|(index, class)| {
        let scores = [l1, l2].map(|confusion| format!("{:.6}", confusion.class_accuracy(index)));
        let [by_l1, by_l2] = scores;
        [class.clone(), l1.support(index).to_string(), by_l1, by_l2]
    }));
    let images: usize = (0..l1.classes.len()).map(|class| l1.support(class)).sum();
    let [by_l1, by_l2] = [l1, l2].map(|confusion| format!("{:.6}", confusion.accuracy()));
    rows.push(["all".to_owned(), images.to_string(), by_l1, by_l2]);
    write!(stdout().lock(), "{}", table(&rows))?;
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
