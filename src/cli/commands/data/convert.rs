//! `fastburn data convert`: writes a data set in another format.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Result;
use clap::ValueEnum;
use fastburn::vision::{Conversion, DataFormat};
use fastburn::{Error, printable};
use serde_json::{Map, json};

use crate::cli::arguments::data::{DATA, DataOptions};
use crate::cli::arguments::images::{BadImageOptions, FormatOptions};
use crate::cli::arguments::values::whole_number;
use crate::cli::output::exit::{INTERRUPTED, watch};
use crate::cli::output::print::{say, say_skipped_files};
use crate::cli::output::progress::while_decoding;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(help = DATA)]
    data: PathBuf,
    /// Folder to create; it must not exist
    out: PathBuf,
    #[command(flatten)]
    opening: DataOptions,
    /// Random seed of the images that --max-per-class selects
    #[arg(long, value_parser = whole_number::<u64>, default_value = "42", help_heading = "Data")]
    seed: u64,
    #[command(flatten)]
    format: FormatOptions,
    #[command(flatten)]
    bad: BadImageOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t = FormatName::Png, help_heading = "Output")]
    to: FormatName,
    /// Compress the IDX files with gzip
    #[arg(long, help_heading = "Output")]
    gzip: bool,
    /// Print one JSON object instead of text
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fastburn data convert photos small-photos --size 64
  fastburn data convert mnist mnist-idx --to idx";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// One PNG per image, in one folder per class
    Png,
    /// MNIST's IDX files, for grey images
    Idx,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let to = match (arguments.to, arguments.gzip) {
        (FormatName::Idx, gzip) => DataFormat::Idx { gzip },
        (FormatName::Png, false) => DataFormat::Png,
        (FormatName::Png, true) => {
            let problem = "--gzip compresses IDX files only".to_owned();
            let remedy = Some("leave it out, or add --to idx".into());
            return Err(Error::Usage { problem, remedy }.into());
        }
    };
    let reading = arguments.bad.applied(arguments.format.reading());
    let options = arguments.opening.open_options().seed(arguments.seed);
    let data = arguments.opening.path(&arguments.data)?;
    let interrupted = watch()?;
    let converted = while_decoding(|progress| {
        options.convert(&data, &arguments.out, to, &reading, &|done, total| {
            progress(done, total);
            !interrupted.load(Ordering::Relaxed)
        })
    });
    if interrupted.load(Ordering::Relaxed) && converted.is_err() {
        say(format_args!("interrupted; nothing was written"));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let converted = converted?;
    let written = converted.train + converted.valid.unwrap_or(0);
    say_skipped_files(converted.skipped.iter(), written);
    if arguments.json {
        print_json(arguments, &converted)?;
    } else {
        print_text(arguments, &converted)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_text(arguments: &Arguments, converted: &Conversion) -> Result<()> {
    for (class, written) in converted.classes.iter().filter(|(class, name)| class != name) {
        say(format_args!("class   {} is written as {}", printable(class), printable(written)));
    }
    let mut out = stdout().lock();
    let Conversion { train, valid, .. } = converted;
    let classes = converted.classes.len();
    let place = printable(&arguments.out.display().to_string());
    match valid {
        Some(valid) => {
            writeln!(
                out,
                "{place}: {train} training and {valid} validation images, {classes} classes"
            )?;
        }
        None => writeln!(out, "{place}: {train} images, {classes} classes")?,
    }
    Ok(())
}

fn print_json(arguments: &Arguments, converted: &Conversion) -> Result<()> {
    let classes = converted.classes.iter();
    let classes: Map<_, _> = classes.map(|(class, name)| (class.clone(), json!(name))).collect();
    let line = json!({
        "out": arguments.out.display().to_string(),
        "train_images": converted.train,
        "valid_images": converted.valid,
        "classes": classes,
    });
    writeln!(stdout().lock(), "{line}")?;
    Ok(())
}
