//! `fastburn predict`: classifies images with a trained model.

use std::io::{self, Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use burn::tensor::Device;
use fastburn::models::StateDict;
use fastburn::pretrained::find;
use fastburn::records::Prediction;
use fastburn::vision::{Predictor, image_files};
use fastburn::{Error, device, printable};
use serde_json::{Value, json};

use crate::cli::arguments::evaluation::load_classifier;
use crate::cli::arguments::pretrained;
use crate::cli::arguments::settings::CpuDevice;
use crate::cli::arguments::values::whole_number;
use crate::cli::output::print::json_number;
use crate::cli::output::print::say;

/// The argument that stands for standard input.
const STDIN: &str = "-";
/// The largest image on standard input, in bytes.
const MOST_INPUT: u64 = 1 << 28;
/// The number of images to classify before their lines are written.
const CHUNK: usize = 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Model file written by `fastburn train --out`, or the name of pretrained weights
    model: PathBuf,
    /// Image files, folders of them, or - for one image on standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// File of weights with PyTorch's names, for a MODEL that is a name (.pth or .safetensors)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Number of runner-up classes to show
    #[arg(long, value_parser = whole_number::<usize>, default_value = "2", value_name = "N", help_heading = "Output")]
    runners_up: usize,
    /// Print one JSON object per line instead of the table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    device: CpuDevice,
}

const EXAMPLES: &str = "\
Examples:
  fastburn predict photos.safetensors cat.jpg
  fastburn predict photos.safetensors new-photos --json
  fastburn predict resnet18 cat.jpg                     with ImageNet's classes
  fastburn predict resnet18 cat.jpg --weights resnet18.pth --json --runners-up 9";

/// The source of an image.
enum ImageInput {
    Stdin,
    File(PathBuf),
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::open(&arguments.device.device)?;
    let predictor = load(arguments, &device)?;
    let mut code = ExitCode::SUCCESS;
    let mut fail = |error: &dyn std::fmt::Display| {
        say(format_args!("error: {}", printable(&error.to_string())));
        code = ExitCode::FAILURE;
    };
    let mut sources = Vec::new();
    for path in &arguments.images {
        if path.as_os_str() == STDIN {
            sources.push(ImageInput::Stdin);
        } else if path.is_dir() {
            match image_files(path) {
                Ok(found) => sources.extend(found.into_iter().map(ImageInput::File)),
                Err(error) => fail(&error),
            }
        } else {
            sources.push(ImageInput::File(path.clone()));
        }
    }
    let columns = ColumnWidths::of(&sources, &predictor);
    let mut out = stdout().lock();
    if !arguments.json {
        writeln!(out, "{}", columns.line("image", "label", "probability", "runners-up"))?;
    }
    for sources in sources.chunks(CHUNK) {
        for (source, prediction) in sources.iter().zip(predict(&predictor, sources)) {
            let runners_up = arguments.runners_up;
            match (prediction, arguments.json) {
                (Ok(prediction), true) => {
                    writeln!(out, "{}", json_line(source, &prediction, runners_up))?;
                }
                (Ok(prediction), false) => {
                    writeln!(out, "{}", columns.row(source, &prediction, runners_up))?;
                }
                // The other images are still classified.
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

/// Loads the model file, or the pretrained weights of that name.
fn load(arguments: &Arguments, device: &Device) -> Result<Predictor> {
    let Arguments { model, weights, .. } = arguments;
    let name = model.to_str().unwrap_or_default();
    if let Some(file) = weights {
        return Ok(find(name)?.predictor(&StateDict::open(file)?, device)?);
    }
    // A broken link counts as a path too, not as a name.
    match find(name) {
        Ok(known) if model.symlink_metadata().is_err() => {
            let weights = pretrained::download(known.clone())?;
            Ok(known.predictor(&weights, device)?)
        }
        _ => load_classifier(model, device),
    }
}

fn predict(predictor: &Predictor, sources: &[ImageInput]) -> Vec<fastburn::Result<Prediction>> {
    let files: Vec<_> = sources.iter().filter_map(ImageInput::file).collect();
    let mut file_predictions = predictor.predict_files(&files).into_iter();
    let predictions = sources.iter().filter_map(|source| match source {
        ImageInput::File(_) => file_predictions.next(),
        ImageInput::Stdin => Some(predict_stdin(predictor)),
    });
    predictions.collect()
}

fn predict_stdin(predictor: &Predictor) -> fastburn::Result<Prediction> {
    let failed = |source| Error::Read { path: ImageInput::Stdin.to_string().into(), source };
    let mut bytes = Vec::new();
    stdin().lock().take(MOST_INPUT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_INPUT {
        let problem = format!("more than {MOST_INPUT} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, problem)));
    }
    predictor.predict_bytes(&bytes).map_err(|error| match error {
        Error::Image { reason, remedy, .. } => {
            Error::Image { file: ImageInput::Stdin.to_string(), reason, remedy }
        }
        other => other,
    })
}

impl ImageInput {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdin => None,
        }
    }
}

impl std::fmt::Display for ImageInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// The widths of the table's columns.
struct ColumnWidths {
    image: usize,
    label: usize,
}

impl ColumnWidths {
    fn of(sources: &[ImageInput], predictor: &Predictor) -> Self {
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

    fn row(&self, source: &ImageInput, prediction: &Prediction, runners_up: usize) -> String {
        let others = prediction.ranking().skip(1).take(runners_up);
        let others: Vec<_> =
            others.map(|(label, p)| format!("{} {p:.4}", printable(label))).collect();
        let mut rest = others.join(", ");
        if let Some(adaptation) = &prediction.adaptation {
            rest.push_str(&format!("  ({adaptation})"));
        }
        let (name, label) = (printable(&source.to_string()), printable(prediction.label()));
        self.line(&name, &label, &format!("{:.4}", prediction.probability()), &rest)
    }
}

fn json_line(source: &ImageInput, prediction: &Prediction, runners_up: usize) -> Value {
    let others = prediction.ranking().skip(1).take(runners_up);
    let others = others.map(|(label, p)| json!({ "label": label, "probability": json_number(p) }));
    json!({
        "image": source.to_string(),
        "label": prediction.label(),
        "probability": json_number(prediction.probability()),
        "runners_up": others.collect::<Vec<_>>(),
        "adapted": prediction.adaptation,
    })
}
