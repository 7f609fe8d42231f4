//! `fastburn predict`: what a trained model says of images.

use std::io::{Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use fastburn::plot::text::printable;
use fastburn::{Prediction, Predictor, device};
use serde_json::json;

use super::tell;

/// What stands for standard input.
const STDIN: &str = "-";
/// The most that is read from standard input, in bytes.
const MOST_INPUT: u64 = 1 << 28;
/// The endings of what is predicted in a folder.
const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];
/// How many images are predicted before their lines are written.
const AT_ONCE: usize = 1024;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A model file, from `fastburn train … --out`
    model: PathBuf,
    /// PNG or JPEG files, folders of them, or - for one image on standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// How many less probable classes to name
    #[arg(long, default_value = "2", value_name = "CLASSES")]
    runners_up: usize,
    /// The device: auto, cpu, or a name that `fastburn devices` lists
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Print one JSON object a line in place of the table
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::named(&arguments.device)?;
    let predictor = Predictor::load(&arguments.model, &device)?;
    let mut images = Vec::new();
    for path in &arguments.images {
        match path.is_dir() {
            true => images.extend(images_in(path)?),
            false => images.push(path.clone()),
        }
    }
    let names: Vec<_> = images.iter().map(|path| printable(&path.to_string_lossy())).collect();
    let columns = Columns::of(&names, &predictor);
    let mut out = stdout().lock();
    if !arguments.json {
        writeln!(out, "{}", columns.line("image", "label", "probability", "then"))?;
    }
    let mut code = ExitCode::SUCCESS;
    for (paths, names) in images.chunks(AT_ONCE).zip(names.chunks(AT_ONCE)) {
        for (name, prediction) in names.iter().zip(predict(&predictor, paths)) {
            match prediction {
                Ok(prediction) if arguments.json => {
                    writeln!(out, "{}", json_line(name, &prediction, arguments.runners_up))?;
                }
                Ok(prediction) => {
                    writeln!(out, "{}", columns.row(name, &prediction, arguments.runners_up))?;
                }
                // The other images are still answered.
                Err(error) => {
                    out.flush()?;
                    tell(format_args!("error: {error}"));
                    code = ExitCode::FAILURE;
                }
            }
        }
    }
    Ok(code)
}

fn predict(predictor: &Predictor, paths: &[PathBuf]) -> Vec<fastburn::Result<Prediction>> {
    let mut predictions = predictor.predict_files(paths);
    for (path, prediction) in paths.iter().zip(&mut predictions) {
        if path.as_os_str() == STDIN {
            let mut bytes = Vec::new();
            let read = stdin().lock().take(MOST_INPUT).read_to_end(&mut bytes);
            let failed = |source| fastburn::Error::Read { path: path.clone(), source };
            *prediction = read.map_err(failed).and_then(|_| predictor.predict_bytes(&bytes));
        }
    }
    predictions
}

/// The image files in a folder and its sub-folders, in the order of their paths.
fn images_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = || format!("cannot read {}", folder.display());
        for entry in folder.read_dir().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            // A link is not followed: it may lead back here.
            if entry.file_type().with_context(unreadable)?.is_dir() {
                folders.push(entry.path());
            } else if is_image(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    if found.is_empty() {
        bail!("{}: no .png or .jpg file in it or its sub-folders", folder.display());
    }
    found.sort();
    Ok(found)
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    IMAGES.contains(&ending.as_str())
}

/// The widths of the table's columns.
struct Columns {
    image: usize,
    label: usize,
}

impl Columns {
    fn of(names: &[String], predictor: &Predictor) -> Self {
        let widest = |names: &[String]| names.iter().map(|name| name.chars().count()).max();
        let classes = &predictor.card().classes;
        Self {
            image: widest(names).unwrap_or_default().max("image".len()),
            label: widest(classes).unwrap_or_default().max("label".len()),
        }
    }

    fn line(&self, image: &str, label: &str, probability: &str, rest: &str) -> String {
        let Self { image: wide, label: narrow } = self;
        format!("{image:wide$}  {label:narrow$}  {probability:<11}  {rest}").trim_end().to_owned()
    }

    fn row(&self, name: &str, prediction: &Prediction, runners_up: usize) -> String {
        let others = prediction.ranking().skip(1).take(runners_up);
        let others: Vec<_> =
            others.map(|(label, p)| format!("{} {p:.4}", printable(label))).collect();
        let mut rest = others.join(", ");
        if let Some(adapted) = prediction.adapted {
            rest.push_str(&format!("  ({adapted})"));
        }
        let probability = format!("{:.4}", prediction.probability());
        self.line(name, &printable(prediction.label()), &probability, &rest)
    }
}

fn json_line(name: &str, prediction: &Prediction, runners_up: usize) -> serde_json::Value {
    let others = prediction.ranking().skip(1).take(runners_up);
    let others = others.map(|(label, p)| json!({ "label": label, "probability": p }));
    json!({
        "image": name,
        "label": prediction.label(),
        "probability": prediction.probability(),
        "runners_up": others.collect::<Vec<_>>(),
        "adapted": prediction.adapted.map(|adapted| adapted.to_string()),
    })
}
