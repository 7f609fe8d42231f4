//! PyTorch's side: a process that measures a round of each of its variants whenever it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::shared::{Error, Options, median};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/compare.py");

pub struct PyTorch {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What is added to the names of its variants.
    suffix: &'static str,
    /// The seconds of each round, by variant.
    rounds: BTreeMap<String, Vec<f64>>,
}

impl PyTorch {
    /// Starts a process with PyTorch's own allocator, and one with the preloaded one, if there is
    /// a Python.
    pub fn start_all(options: &Options, workload: &str) -> Result<Vec<Self>, Error> {
        let Some(python) = &options.python else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for (preload, suffix) in [(None, ""), (options.preload.as_ref(), ", preloaded allocator")] {
            if preload.is_none() && !suffix.is_empty() {
                continue;
            }
            let mut command = Command::new(python);
            command.arg(SCRIPT).arg(options.data()).arg(workload);
            if let Some(library) = preload {
                command.env("LD_PRELOAD", library);
            }
            let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
                return Err("no pipes to Python".into());
            };
            let output = BufReader::new(output);
            all.push(Self { process, input, output, suffix, rounds: BTreeMap::new() });
        }
        Ok(all)
    }

    /// Lets each variant run a round, and keeps its time if it `counts`.
    pub fn round(&mut self, counts: bool) -> Result<(), Error> {
        writeln!(self.input, "round")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let seconds: BTreeMap<String, f64> = serde_json::from_str(&line)
            .map_err(|error| format!("PyTorch's side answered {line:?}: {error}"))?;
        if counts {
            for (variant, seconds) in seconds {
                self.rounds.entry(variant).or_default().push(seconds);
            }
        }
        Ok(())
    }

    /// Returns the variant with the smallest median, and that.
    pub fn fastest(&self) -> Option<(String, f64)> {
        let medians = self
            .rounds
            .iter()
            .map(|(variant, rounds)| (format!("{variant}{}", self.suffix), median(rounds.clone())));
        medians.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl Drop for PyTorch {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
