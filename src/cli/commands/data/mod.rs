//! `fastburn data`: downloads, checks and converts data sets.

mod check;
mod convert;
mod list;

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use fastburn::datasets::{Cache, CacheEntry};
use fastburn::pretrained::catalog;

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
    let weights = weights_of(&cache, name)?;
    if weights.is_empty() {
        let name = cache.find(name)?.name;
        say_removed(&name, cache.remove(&name)?);
        if *forget {
            cache.forget(&name)?;
        }
    }
    for name in weights {
        say_removed(&name, cache.remove_weights(&name)?);
        if *forget {
            cache.forget_weights(&name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say_removed(name: &str, was_here: bool) {
    say(format_args!("{name} {}", if was_here { "deleted" } else { "was not in the cache" }));
}

/// Returns the names of the weights of that name, URL or architecture: those in the cache, or the
/// known ones.
fn weights_of(cache: &Cache, name: &str) -> Result<Vec<String>> {
    let known = catalog().into_iter();
    let known = known.filter(|known| known.name() == name || known.architecture == name);
    let known: Vec<_> = known.map(|known| known.file.name).collect();
    let is_meant = |cached: &CacheEntry| {
        let has_url = cached.origin.as_ref().is_ok_and(|origin| origin.url == name);
        cached.name == name || has_url || known.contains(&cached.name)
    };
    let cached = cache.list_weights()?.into_iter().filter(is_meant);
    let cached: Vec<_> = cached.map(|cached| cached.name).collect();
    Ok(if cached.is_empty() { known } else { cached })
}

fn print_path(path: &Path) -> Result<ExitCode> {
    writeln!(stdout(), "{}", path.display())?;
    Ok(ExitCode::SUCCESS)
}
