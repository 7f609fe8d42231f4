//! `fastburn data`: the data sets themselves.

mod check;
mod convert;
mod get;
mod list;
mod path;
mod remove;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the data sets that can be had by name, and which of them are here
    List(list::Arguments),
    /// Fetch a data set, if it is not here yet
    Get(get::Arguments),
    /// Say where a fetched data set is
    Path(path::Arguments),
    /// Delete a fetched data set
    Remove(remove::Arguments),
    /// Look for what is wrong with a data set, and say whether it is fit to train on
    Check(check::Arguments),
    /// Write a data set as folders of PNGs, or in MNIST's IDX format
    Convert(convert::Arguments),
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::List(arguments) => list::run(arguments),
        Command::Get(arguments) => get::run(arguments),
        Command::Path(arguments) => path::run(arguments),
        Command::Remove(arguments) => remove::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Convert(arguments) => convert::run(arguments),
    }
}
