//! Parsers of option values: sizes in bytes and names of files to write.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use fastburn::try_write;

/// Parses the name of a picture, and fails before any work if it cannot be written.
pub fn picture(name: &str) -> Result<PathBuf, String> {
    writable(file_with_extension(name, &["svg", "png"])?)
}

/// Parses the name of a model file, and fails before any work if it cannot be written.
pub fn model_file(name: &str) -> Result<PathBuf, String> {
    writable(file_with_extension(name, &["safetensors"])?)
}

/// Parses the name of a log file, and fails before any work if it cannot be written.
pub fn log_file(name: &str) -> Result<PathBuf, String> {
    writable(file_with_extension(name, &["csv", "jsonl"])?)
}

/// Returns the path if a file can be written there.
pub fn writable(path: PathBuf) -> Result<PathBuf, String> {
    match try_write(&path) {
        Ok(()) => Ok(path),
        Err(fastburn::Error::Write { source, .. }) => Err(source.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn file_with_extension(name: &str, extensions: &[&str]) -> Result<PathBuf, String> {
    let path = Path::new(name);
    let found = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if extensions.contains(&found.as_str()) && !name.ends_with('/') {
        return Ok(path.to_path_buf());
    }
    let names: Vec<_> = extensions.iter().map(|extension| format!(".{extension}")).collect();
    Err(format!("expected a file name ending in {}", names.join(" or ")))
}

/// The units of a size in bytes, each before those that are a suffix of it.
const UNITS: [(&str, u64); 9] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("b", 1),
];

/// Parses `1500`, `2GB`, `1.5 GB` or `512MiB`; `KB` is 1000 bytes, `KiB` is 1024.
pub fn bytes(text: &str) -> Result<u64, String> {
    let invalid = || "expected a size in bytes, such as 1500, 2GB, 1.5GB or 512MiB".to_owned();
    let lower = text.trim().to_ascii_lowercase();
    let with_unit = UNITS.iter().find_map(|&(unit, of)| Some((lower.strip_suffix(unit)?, of)));
    let (number, unit) = with_unit.unwrap_or((&lower, 1));
    let number = number.trim_end();
    // `f64` would also parse `inf` and `1e99`.
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(invalid());
    }
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit).ok_or_else(invalid);
    }
    let bytes = number.parse::<f64>().map_err(|_| invalid())? * unit as f64;
    // A fraction of a byte means that the unit was forgotten.
    if unit == 1 || bytes >= u64::MAX as f64 {
        return Err(invalid());
    }
    Ok(bytes.round() as u64)
}

/// Parses a number of things, at least 1.
pub fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1".to_owned())
}

/// Parses a whole number, 0 included.
pub fn whole_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number, at least 0".to_owned())
}

/// Returns the name of an option's value on the command line.
pub fn name_of(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
