//! The limits of an archive as an option.

use fastburn::data::ArchiveLimits;

use super::bytes::bytes;

/// What somebody who trusts an archive may say of it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Limits {
    /// What an archive may hold at most: files, empty files, bytes, bytes from each of its own
    #[arg(
        long,
        value_parser = archive_limits,
        value_name = "files=…,empty=…,bytes=64GB,ratio=…"
    )]
    archive_limits: Option<ArchiveLimits>,
}

impl Limits {
    /// Those that are given, or the default ones.
    pub fn get(self) -> ArchiveLimits {
        self.archive_limits.unwrap_or_default()
    }
}

/// Reads `files=…,empty=…,bytes=…,ratio=…`, any of them; the others keep their defaults.
fn archive_limits(text: &str) -> Result<ArchiveLimits, String> {
    let mut limits = ArchiveLimits::default();
    for limit in text.split(',') {
        let Some((name, value)) = limit.split_once('=') else {
            return Err(format!("{limit:?} is no limit; expected such as bytes=64GB,ratio=1000"));
        };
        let number = || value.trim().parse().map_err(|_| format!("{name}: expected a number"));
        match name.trim() {
            "files" => limits.files = number()?,
            "empty" => limits.empty = number()?,
            "bytes" => limits.bytes = bytes(value).map_err(|why| format!("{name}: {why}"))?,
            "ratio" => limits.ratio = number()?,
            _ => return Err(format!("no limit {name}; there are files, empty, bytes and ratio")),
        }
    }
    Ok(limits)
}
