//! `fastburn data convert`: a data set in another form.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Result;
use clap::ValueEnum;
use fastburn::data::{Converted, Format};
use fastburn::plot::text::printable;
use serde_json::{Map, json};

use crate::cli::interrupt::{self, INTERRUPTED};
use crate::cli::reading::{self, tell_skipped};
use crate::cli::{bars, opened, tell};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(help = opened::DATA)]
    data: PathBuf,
    /// The folder to write, which must not be there yet
    out: PathBuf,
    #[command(flatten)]
    opening: opened::Options,
    /// The form to write: a PNG an image in a folder a class, or MNIST's own files
    #[arg(long, value_enum, default_value_t = FormatName::Png)]
    to: FormatName,
    /// Pack the IDX files, as .gz
    #[arg(long)]
    gzip: bool,
    #[command(flatten)]
    format: reading::Format,
    #[command(flatten)]
    bad: reading::Bad,
    /// Which images stay, with --max-per-class
    #[arg(long, default_value = "42")]
    seed: u64,
    /// Print one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Png,
    Idx,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let to = match (arguments.to, arguments.gzip) {
        (FormatName::Idx, gzip) => Format::Idx { gzip },
        (FormatName::Png, false) => Format::Png,
        (FormatName::Png, true) => {
            let (name, value) = ("--gzip", "given".to_owned());
            let expected = "a PNG is packed already; leave it out, or add --to idx".to_owned();
            return Err(fastburn::Error::Setting { name, value, expected }.into());
        }
    };
    let reading = arguments.bad.applied(arguments.format.reading());
    let interrupted = interrupt::watch()?;
    let options = arguments.opening.options().seed(arguments.seed);
    let data = arguments.opening.path(&arguments.data)?;
    let converted = bars::while_decoding(|progress| {
        options.convert(&data, &arguments.out, to, &reading, &|done, total| {
            progress(done, total);
            !interrupted.load(Ordering::Relaxed)
        })
    });
    if interrupted.load(Ordering::Relaxed) && converted.is_err() {
        tell(format_args!("interrupted; nothing was written"));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let converted = converted?;
    let written = converted.train + converted.valid.unwrap_or(0);
    tell_skipped(converted.skipped.iter(), written);
    match arguments.json {
        true => print_json(arguments, &converted)?,
        false => print_text(arguments, &converted)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print_text(arguments: &Arguments, converted: &Converted) -> Result<()> {
    for (class, written) in converted.classes.iter().filter(|(class, name)| class != name) {
        tell(format_args!("class   {} is written as {}", printable(class), printable(written)));
    }
    let mut out = stdout().lock();
    let Converted { train, valid, .. } = converted;
    let classes = converted.classes.len();
    let place = printable(&arguments.out.display().to_string());
    match valid {
        Some(valid) => {
            writeln!(
                out,
                "{place}: {train} images to train, {valid} to validate, {classes} classes"
            )?;
        }
        None => writeln!(out, "{place}: {train} images, {classes} classes")?,
    }
    Ok(())
}

fn print_json(arguments: &Arguments, converted: &Converted) -> Result<()> {
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
