//! `fastburn predict`: what a trained model says of images.

use std::io::{self, Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use fastburn::plot::text::printable;
use fastburn::{Error, Prediction, Predictor, device};
use serde_json::{Value, json};

use super::json::number;
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

/// Where an image is from.
enum Source {
    Stdin,
    File(PathBuf),
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::named(&arguments.device)?;
    let predictor = Predictor::load(&arguments.model, &device)?;
    let mut code = ExitCode::SUCCESS;
    let mut fail = |error: &dyn std::fmt::Display| {
        tell(format_args!("error: {}", printable(&error.to_string())));
        code = ExitCode::FAILURE;
    };
    let mut sources = Vec::new();
    for path in &arguments.images {
        if path.as_os_str() == STDIN {
            sources.push(Source::Stdin);
        } else if path.is_dir() {
            match images_in(path) {
                Ok(found) => sources.extend(found.into_iter().map(Source::File)),
                Err(error) => fail(&format!("{error:#}")),
            }
        } else {
            sources.push(Source::File(path.clone()));
        }
    }
    let columns = Columns::of(&sources, &predictor);
    let mut out = stdout().lock();
    if !arguments.json {
        writeln!(out, "{}", columns.line("image", "label", "probability", "then"))?;
    }
    for sources in sources.chunks(AT_ONCE) {
        for (source, prediction) in sources.iter().zip(predict(&predictor, sources)) {
            let runners_up = arguments.runners_up;
            match (prediction, arguments.json) {
                (Ok(prediction), true) => {
                    writeln!(out, "{}", json_line(source, &prediction, runners_up))?;
                }
                (Ok(prediction), false) => {
                    writeln!(out, "{}", columns.row(source, &prediction, runners_up))?;
                }
                // The other images are still answered.
                (Err(error), as_json) => {
                    if as_json {
                        let (image, error) = (source.to_string(), error.to_string());
                        writeln!(out, "{}", json!({ "image": image, "error": error }))?;
                    }
                    out.flush()?;
                    fail(&error);
                }
            }
        }
    }
    Ok(code)
}

fn predict(predictor: &Predictor, sources: &[Source]) -> Vec<fastburn::Result<Prediction>> {
    let files: Vec<_> = sources.iter().filter_map(Source::file).collect();
    let mut of_files = predictor.predict_files(&files).into_iter();
    let predictions = sources.iter().filter_map(|source| match source {
        Source::File(_) => of_files.next(),
        Source::Stdin => Some(predict_stdin(predictor)),
    });
    predictions.collect()
}

fn predict_stdin(predictor: &Predictor) -> fastburn::Result<Prediction> {
    let failed = |source| Error::Read { path: Source::Stdin.to_string().into(), source };
    let mut bytes = Vec::new();
    stdin().lock().take(MOST_INPUT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_INPUT {
        let problem = format!("more than {MOST_INPUT} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, problem)));
    }
    predictor.predict_bytes(&bytes).map_err(|error| match error {
        Error::Image { reason, .. } => Error::Image { file: Source::Stdin.to_string(), reason },
        other => other,
    })
}

/// The image files in a folder and its sub-folders, but for hidden ones, in natural order.
fn images_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = || format!("cannot read {}", folder.display());
        for entry in folder.read_dir().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            // A link to a folder is not followed: it may lead back here.
            if entry.file_type().with_context(unreadable)?.is_dir() {
                folders.push(path);
            } else if is_image(&path) && !path.is_dir() {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        bail!("{}: no .png or .jpg file in it or its sub-folders", folder.display());
    }
    let compare = |a: &PathBuf, b: &PathBuf| {
        natord::compare(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b))
    };
    found.sort_by(compare);
    Ok(found)
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    IMAGES.contains(&ending.as_str())
}

impl Source {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdin => None,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// The widths of the table's columns.
struct Columns {
    image: usize,
    label: usize,
}

impl Columns {
    fn of(sources: &[Source], predictor: &Predictor) -> Self {
        let width = |text: &str| text.chars().count();
        let images = sources.iter().map(|source| width(&source.to_string()));
        let labels = predictor.card().classes.iter().map(|class| width(class));
        Self {
            image: images.max().unwrap_or_default().max("image".len()),
            label: labels.max().unwrap_or_default().max("label".len()),
        }
    }

    fn line(&self, image: &str, label: &str, probability: &str, rest: &str) -> String {
        let Self { image: wide, label: narrow } = self;
        format!("{image:wide$}  {label:narrow$}  {probability:<11}  {rest}").trim_end().to_owned()
    }

    fn row(&self, source: &Source, prediction: &Prediction, runners_up: usize) -> String {
        let others = prediction.ranking().skip(1).take(runners_up);
        let others: Vec<_> =
            others.map(|(label, p)| format!("{} {p:.4}", printable(label))).collect();
        let mut rest = others.join(", ");
        if let Some(adapted) = prediction.adapted {
            rest.push_str(&format!("  ({adapted})"));
        }
        let (name, label) = (printable(&source.to_string()), printable(prediction.label()));
        self.line(&name, &label, &format!("{:.4}", prediction.probability()), &rest)
    }
}

fn json_line(source: &Source, prediction: &Prediction, runners_up: usize) -> Value {
    let others = prediction.ranking().skip(1).take(runners_up);
    let others = others.map(|(label, p)| json!({ "label": label, "probability": number(p) }));
    json!({
        "image": source.to_string(),
        "label": prediction.label(),
        "probability": number(prediction.probability()),
        "runners_up": others.collect::<Vec<_>>(),
        "adapted": prediction.adapted.map(|adapted| adapted.to_string()),
    })
}
