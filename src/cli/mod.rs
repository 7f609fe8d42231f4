//! The command line: one file a verb.

mod archive_limits;
mod bars;
mod baseline;
mod bytes;
mod checkpoints;
mod confusion;
mod data;
mod devices;
mod info;
mod interrupt;
mod json;
mod judged;
mod learners;
mod lr_find;
mod opened;
mod predict;
mod reading;
mod settings;
mod show;
mod summary;
mod table;
mod top_losses;
mod train;
mod validate;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Id, Parser, Subcommand};
use fastburn::plot::text::printable;

/// A command line that cannot be obeyed.
const USAGE: u8 = 2;
/// A reader that went away, as the shell reports it.
const BROKEN_PIPE: u8 = 141;

/// Train image classifiers on any GPU or CPU.
///
/// Without a command it trains on the digits that it brings along.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::Options,
    #[arg(skip)]
    given: Given,
}

/// The options that the command line has, as opposed to those that have their defaults.
type Given = BTreeSet<String>;

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on a folder or archive of images, one sub-folder a class
    Train(train::Arguments),
    /// Find a learning rate: train a while at ever larger ones
    LrFind(lr_find::Arguments),
    /// Show the layers and parameters of the model that `train` would train, and what trains it
    Summary(summary::Arguments),
    /// Say what is in images, with a trained model
    Predict(predict::Arguments),
    /// Measure how good a trained model is on labelled images
    Validate(validate::Arguments),
    /// Count which classes a trained model takes for which
    Confusion(confusion::Arguments),
    /// List the images that a trained model is worst at
    TopLosses(top_losses::Arguments),
    /// Say what a model file holds
    Info(info::Arguments),
    /// Show what is in a data set: its classes, image sizes and some images
    Show(show::Arguments),
    /// Fetch, check and convert data sets
    Data(data::Arguments),
    /// Measure what comparing pixels alone gets right: what a model has to beat
    Baseline(baseline::Arguments),
    /// List the devices that this build can use on this machine
    Devices(devices::Arguments),
}

/// Reads the command line; help and version are printed here.
pub fn parse() -> Result<Cli> {
    // A negative number is a value to be refused by the option's name, not an option of its own.
    let command = Cli::command().allow_negative_numbers(true);
    let command = command.mut_subcommands(|verb| verb.allow_negative_numbers(true));
    let parsed = command.try_get_matches().and_then(|matches| {
        let of_train = matches.subcommand_matches("train").unwrap_or(&matches);
        let is_given =
            |id: &&Id| of_train.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        let given = of_train.ids().filter(is_given).map(Id::to_string).collect();
        Ok(Cli { given, ..Cli::from_arg_matches(&matches)? })
    });
    parsed.map_err(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        anyhow::Error::new(error)
    })
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        None => train::run(None, cli.train, &cli.given),
        Some(Command::Train(arguments)) => {
            train::run(Some(&arguments.data), arguments.options, &cli.given)
        }
        Some(Command::LrFind(arguments)) => lr_find::run(&arguments),
        Some(Command::Summary(arguments)) => summary::run(&arguments),
        Some(Command::Predict(arguments)) => predict::run(&arguments),
        Some(Command::Validate(arguments)) => validate::run(&arguments),
        Some(Command::Confusion(arguments)) => confusion::run(&arguments),
        Some(Command::TopLosses(arguments)) => top_losses::run(&arguments),
        Some(Command::Info(arguments)) => info::run(&arguments),
        Some(Command::Show(arguments)) => show::run(&arguments),
        Some(Command::Data(arguments)) => data::run(&arguments),
        Some(Command::Baseline(arguments)) => baseline::run(&arguments),
        Some(Command::Devices(arguments)) => devices::run(&arguments),
    }
}

/// One line on standard error, and the exit code that goes with it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::from(BROKEN_PIPE);
    }
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        // clap's own text goes on with usage and hints below an empty line.
        let text = error.render().to_string();
        let problem = text.split("\n\n").next().unwrap_or_default();
        let words: Vec<_> = problem.split_whitespace().collect();
        tell(format_args!("{} (see --help)", words.join(" ")));
        return ExitCode::from(USAGE);
    }
    match error.downcast_ref::<fastburn::Error>() {
        // The library's messages name their causes themselves.
        Some(error) => {
            let (problem, way_out) = (error.to_string(), reading::way_out(error));
            tell(format_args!("error: {}{way_out}", printable(&problem)));
            if error.is_usage() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
        None => {
            tell(format_args!("error: {}", printable(&format!("{error:#}"))));
            ExitCode::FAILURE
        }
    }
}

/// A picture's file name, as an argument: refused before any work if nothing can be saved there.
fn picture(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        "svg" | "png" => Ok(path),
        _ => Err("it must end in .svg or .png".to_owned()),
    }
}

/// A model file's name, as an argument: refused before any work if nothing can be saved there.
fn model_file(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    if path.extension().is_none_or(|ending| ending != "safetensors") || name.ends_with('/') {
        return Err("it must end in .safetensors".to_owned());
    }
    writable(path)
}

/// A file's name, if its folder can be written to.
fn writable(path: PathBuf) -> Result<PathBuf, String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(format!("there is no folder {}; make it first", folder.display()));
    }
    if path.is_dir() {
        return Err("it is a folder".to_owned());
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(path),
        Err(error) => Err(format!("the folder cannot be written to ({})", error.kind())),
    }
}

/// A log's file name, as an argument: refused before any work if nothing can be saved there.
fn log_file(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    if path.extension().is_none_or(|ending| ending != "csv" && ending != "jsonl") {
        return Err("it must end in .csv or .jsonl".to_owned());
    }
    writable(path)
}

/// A line on standard error; where nobody can read it, nothing.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
