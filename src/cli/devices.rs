//! `fastburn devices`: what this build can compute on.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use fastburn::device::{self, DeviceInfo};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // A build without a CPU backend on a machine without a GPU has no automatic choice.
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
    let mut rows = vec![["name", "kind", "adapter", "driver", "largest buffer"].map(String::from)];
    rows.extend(devices.iter().map(cells));
    let widths = [0, 1, 2, 3, 4]
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let mark = if index > 0 && row[0] == auto { "  <- auto" } else { "" };
        writeln!(out, "{}{mark}", line.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn cells(device: &DeviceInfo) -> [String; 5] {
    let buffer = match device.largest_buffer {
        Some(bytes) => format!("{} MiB", bytes >> 20),
        None => "memory".to_owned(),
    };
    [
        device.name.clone(),
        device.kind.to_string(),
        device.adapter.clone(),
        device.driver.clone(),
        buffer,
    ]
}
