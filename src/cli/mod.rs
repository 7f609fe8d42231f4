//! The program: one file per verb in `commands`, shared options in `arguments`, printing and exit
//! codes in `output`.

mod arguments;
mod commands;
mod learner;
mod output;
mod start;

use std::process::ExitCode;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Id, Parser};

use self::arguments::given::Given;
use self::commands::{Command, train};
pub use self::output::exit::report;

/// Train image classifiers on any GPU or CPU.
///
/// With no command, trains on the bundled digits.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::Options,
    #[arg(skip)]
    given: Given,
}

const EXAMPLES: &str = "\
Examples:
  fastburn                                      train on the bundled digits
  fastburn train photos --size 64 --out photos.safetensors
  fastburn predict photos.safetensors cat.jpg";

/// Parses the command line. Help and version come back as errors, which [`report`] prints.
pub fn parse() -> Result<Cli> {
    // A negative number is then refused as the value of its option, not as an unknown option.
    let command = Cli::command().allow_negative_numbers(true);
    let command = command.mut_subcommands(|verb| verb.allow_negative_numbers(true));
    let parsed = command.try_get_matches().and_then(|matches| {
        let of_verb = matches.subcommand().map_or(&matches, |(_, of_verb)| of_verb);
        let is_given =
            |id: &&Id| of_verb.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        let given = of_verb.ids().filter(is_given).map(Id::to_string).collect();
        Ok(Cli { given, ..Cli::from_arg_matches(&matches)? })
    });
    parsed.map_err(anyhow::Error::new)
}

/// Runs the command, which is `train` on the bundled digits if none is given.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Some(command) => command.run(&cli.given),
        None => train::run(None, cli.train, &cli.given),
    }
}
