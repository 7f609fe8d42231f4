//! Shared by the benchmarks: the program's allocator, options, training without validation, medians.

use std::path::PathBuf;

use burn::tensor::Device;
use fastburn::device;
use fastburn::learner::{Callback, Flow, Scope, State, Stop, Task};

/// The program's allocator: see `src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Error = Box<dyn std::error::Error>;

/// The options of a benchmark that prints a row per workload.
pub struct Options {
    data: Option<PathBuf>,
    /// The Python of `--python`.
    pub python: Option<PathBuf>,
    /// The library of `--preload`.
    pub preload: Option<PathBuf>,
    device: String,
    only: String,
}

impl Options {
    /// Reads the command line.
    pub fn parse() -> Result<Self, Error> {
        let mut options = Self {
            data: None,
            python: None,
            preload: None,
            device: "auto".to_owned(),
            only: String::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value =
                |what| arguments.next().ok_or_else(|| format!("{argument} needs {what}"));
            match argument.as_str() {
                "--data" => options.data = Some(value("a folder")?.into()),
                "--python" => options.python = Some(value("a program")?.into()),
                "--preload" => options.preload = Some(value("a library")?.into()),
                "--device" => options.device = value("a name")?,
                "--only" => options.only = value("a part of a name")?,
                "--bench" => {} // passed by cargo
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        Ok(options)
    }

    /// Returns the folder that has `mnist_png.tgz`: `--data`, `FASTBURN_DATA` or `../shared/data`.
    pub fn data(&self) -> PathBuf {
        let from_environment = || std::env::var_os("FASTBURN_DATA").map(PathBuf::from);
        self.data.clone().or_else(from_environment).unwrap_or_else(|| "../shared/data".into())
    }

    /// Opens the device, and prints which it is.
    pub fn device(&self) -> Result<Device, Error> {
        let info = device::find(&self.device)?;
        println!("device {} ({}, {})", info.name, info.kind, info.adapter);
        Ok(info.open()?)
    }

    /// Returns whether a row is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

/// Skips validation, so that an epoch is its training part.
pub struct TrainOnly;

impl<T: Task> Callback<T> for TrainOnly {
    fn before_validate(&mut self, _: &mut State<T>) -> Flow {
        Err(Stop::Cancel(Scope::Validate))
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
