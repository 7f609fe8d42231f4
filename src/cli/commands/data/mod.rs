//! `fastburn data`: downloads, checks and converts data sets.

mod check;
mod convert;
mod list;

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use fastburn::datasets::Cache;
use fastburn::pretrained::find;

use crate::cli::arguments::data::{LimitOptions, fetch};
use crate::cli::output::print::say;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the data sets available by name, and all that was downloaded
    List(list::Arguments),
    /// Download a data set unless it is in the cache, and print its path
    Get(GetArguments),
    /// Print the path of a downloaded data set
    Path(PathArguments),
    /// Delete a downloaded data set, or pretrained weights
    Remove(RemoveArguments),
    /// Check a data set for problems, such as unreadable or duplicate images
    Check(check::Arguments),
    /// Convert a data set to folders of PNGs or to MNIST's IDX files
    Convert(convert::Arguments),
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::List(arguments) => list::run(arguments),
        Command::Get(arguments) => get(arguments),
        Command::Path(arguments) => path(arguments),
        Command::Remove(arguments) => remove(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Convert(arguments) => convert::run(arguments),
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct GetArguments {
    /// Name from `fastburn data list`, or URL of an archive
    name: String,
    #[command(flatten)]
    limits: LimitOptions,
}

const EXAMPLES: &str = "\
Examples:
  fastburn data get mnist
  fastburn data get https://example.com/photos.tgz";

#[derive(Debug, clap::Args)]
pub struct PathArguments {
    /// Name from `fastburn data list`, or the URL it was downloaded from
    name: String,
}

#[derive(Debug, clap::Args)]
pub struct RemoveArguments {
    /// Name from `fastburn data list` or `fastburn models`, or the URL it was downloaded from
    name: String,
    /// Also forget the SHA-256 of its first download, to accept another one at the same URL
    #[arg(long)]
    forget: bool,
}

/// Downloads a data set unless it is in the cache, and prints its path.
pub fn get(arguments: &GetArguments) -> Result<ExitCode> {
    print_path(&fetch(&arguments.name, arguments.limits.limits())?)
}

/// Prints the path of a downloaded data set.
pub fn path(arguments: &PathArguments) -> Result<ExitCode> {
    let (cache, name) = (Cache::open()?, &arguments.name);
    match cache.path(&cache.find(name)?)? {
        Some(path) => print_path(&path),
        None => bail!("{name} is not downloaded; run `fastburn data get {name}`"),
    }
}

/// Deletes a downloaded data set, or pretrained weights.
pub fn remove(arguments: &RemoveArguments) -> Result<ExitCode> {
    let RemoveArguments { name, forget } = arguments;
    let cache = Cache::open()?;
    let (name, was_here) = match weights_name(&cache, name)? {
        Some(name) => {
            let was_here = cache.remove_weights(&name)?;
            if *forget {
                cache.forget_weights(&name)?;
            }
            (name, was_here)
        }
        None => {
            let name = cache.find(name)?.name;
            let was_here = cache.remove(&name)?;
            if *forget {
                cache.forget(&name)?;
            }
            (name, was_here)
        }
    };
    say(format_args!("{name} {}", if was_here { "deleted" } else { "was not in the cache" }));
    Ok(ExitCode::SUCCESS)
}

/// Returns the name in the cache of weights that are known, or were downloaded by another program.
fn weights_name(cache: &Cache, name: &str) -> Result<Option<String>> {
    if let Ok(weights) = find(name) {
        return Ok(Some(weights.file.name));
    }
    let mut cached = cache.list_weights()?.into_iter().map(|weights| weights.name);
    Ok(cached.find(|cached| cached == name))
}

fn print_path(path: &Path) -> Result<ExitCode> {
    writeln!(stdout(), "{}", path.display())?;
    Ok(ExitCode::SUCCESS)
}
