//! `fastburn data list`: the data sets available by name, and what was downloaded.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use fastburn::datasets::{Cache, CacheEntry, DataSet, catalog};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::cli::output::print::table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
}

/// A row of the list.
struct ListedSet {
    name: String,
    size: Option<u64>,
    about: String,
    url: String,
    cached: Option<CacheEntry>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let (rows, weights) = (rows(cache.list()?), cache.list_weights()?);
    let mut out = stdout().lock();
    if arguments.json {
        let sets: Vec<_> = rows.iter().map(ListedSet::json).collect();
        let weights: Vec<_> = weights.iter().map(weights_json).collect();
        let home = cache.home().display().to_string();
        writeln!(out, "{}", json!({ "home": home, "data_sets": sets, "weights": weights }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["name", "archive", "cached", "description"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(header).chain(rows.iter().map(ListedSet::cells)).collect();
    write!(out, "{}", table(&lines))?;
    if !weights.is_empty() {
        let header = ["weights", "size", "from"].map(str::to_owned);
        let lines = std::iter::once(header).chain(weights.iter().map(weights_cells));
        write!(out, "\n{}", table(&lines.collect::<Vec<_>>()))?;
    }
    writeln!(out, "\ncache: {}", cache.home().display())?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the catalogue, then the other data sets in the cache.
fn rows(mut cached: Vec<CacheEntry>) -> Vec<ListedSet> {
    let mut rows: Vec<_> = catalog()
        .into_iter()
        .map(|DataSet { name, size, about, url, .. }| {
            let found = cached.iter().position(|cached| cached.name == name);
            ListedSet { name, size, about, url, cached: found.map(|index| cached.remove(index)) }
        })
        .collect();
    rows.extend(cached.into_iter().map(|cached| {
        let origin = cached.origin.as_ref().ok();
        let url = origin.map(|origin| origin.url.clone()).unwrap_or_default();
        ListedSet {
            name: cached.name.clone(),
            size: origin.map(|origin| origin.bytes),
            about: url.clone(),
            url,
            cached: Some(cached),
        }
    }));
    rows
}

impl ListedSet {
    fn cells(&self) -> [String; 4] {
        let files = match self.cached.as_ref().map(|cached| &cached.origin) {
            None if self.name == "digits" => "bundled".to_owned(),
            None => "no".to_owned(),
            Some(Ok(origin)) => format!("{} files", origin.files),
            Some(Err(_)) => "damaged".to_owned(),
        };
        let size = self.size.map(|size| HumanBytes(size).to_string()).unwrap_or_default();
        [self.name.clone(), size, files, self.about.clone()]
    }

    fn json(&self) -> Value {
        let cached = self.cached.as_ref();
        json!({
            "name": self.name,
            "url": self.url,
            "archive_bytes": self.size,
            "folder": cached.map(|cached| cached.folder.display().to_string()),
            "origin": cached.and_then(|cached| cached.origin.as_ref().ok()),
            "problem": cached.and_then(|cached| cached.origin.as_ref().err()).map(|e| e.to_string()),
        })
    }
}

fn weights_cells(weights: &CacheEntry) -> [String; 3] {
    let name = weights.name.clone();
    match &weights.origin {
        Ok(origin) => [name, HumanBytes(origin.bytes).to_string(), origin.url.clone()],
        Err(_) => [name, "damaged".to_owned(), String::new()],
    }
}

fn weights_json(weights: &CacheEntry) -> Value {
    json!({
        "name": weights.name,
        "folder": weights.folder.display().to_string(),
        "origin": weights.origin.as_ref().ok(),
        "problem": weights.origin.as_ref().err().map(ToString::to_string),
    })
}
