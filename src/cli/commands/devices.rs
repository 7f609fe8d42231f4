//! `fastburn devices`: the compute devices available to this build.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use fastburn::device::{self, DeviceInfo};

use crate::cli::output::print::table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Without a GPU and a CPU backend there is no automatic choice.
    let auto = device::find("auto").map(|device| device.name).unwrap_or_default();
    let mut out = stdout().lock();
    let devices = device::list();
    if arguments.json {
        for device in &devices {
            let line = serde_json::json!({
                "name": device.name,
                "kind": device.kind.to_string(),
                "adapter": device.adapter,
                "driver": device.driver,
                "largest_buffer": device.largest_buffer,
                "auto": device.name == auto,
            });
            writeln!(out, "{line}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["name", "kind", "adapter", "driver", "largest buffer", ""].map(String::from);
    let rows: Vec<_> =
        std::iter::once(header).chain(devices.iter().map(|device| cells(device, &auto))).collect();
    write!(out, "{}", table(&rows))?;
    Ok(ExitCode::SUCCESS)
}

fn cells(device: &DeviceInfo, auto: &str) -> [String; 6] {
    let buffer = match device.largest_buffer {
        Some(bytes) => format!("{} MiB", bytes >> 20),
        None => "memory".to_owned(),
    };
    let mark = if device.name == auto { "<- auto" } else { "" };
    [
        device.name.clone(),
        device.kind.to_string(),
        device.adapter.clone(),
        device.driver.clone(),
        buffer,
        mark.to_owned(),
    ]
}
