//! `fastburn predict`: classifies images with a trained model.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::records::Prediction;
use fastburn::vision::{Predictor, image_files};
use fastburn::{device, printable};
use serde_json::{Value, json};

use crate::cli::arguments::image_input::ImageInput;
use crate::cli::arguments::predictor::PredictorOptions;
use crate::cli::arguments::settings::CpuDevice;
use crate::cli::arguments::values::{count, whole_number};
use crate::cli::output::print::json_number;
use crate::cli::output::print::say;

/// The number of images to classify before their lines are written.
const CHUNK: usize = 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    predictor: PredictorOptions,
    /// Image files, folders of them, or - for one image on standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Number of runner-up classes to show
    #[arg(long, value_parser = whole_number::<usize>, default_value = "2", value_name = "N", help_heading = "Output")]
    runners_up: usize,
    /// Predict each image N times augmented as in training, after resizing, and once as it is
    #[arg(long, value_parser = count, value_name = "N")]
    tta: Option<NonZeroUsize>,
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

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::open(&arguments.device.device)?;
    let mut predictor = arguments.predictor.open(&device)?;
    if let Some(passes) = arguments.tta {
        predictor = predictor.tta(passes.get())?;
    }
    let mut code = ExitCode::SUCCESS;
    let mut fail = |error: &dyn std::fmt::Display| {
        say(format_args!("error: {}", printable(&error.to_string())));
        code = ExitCode::FAILURE;
    };
    let mut sources = Vec::new();
    for path in &arguments.images {
        match ImageInput::from(path.as_path()) {
            ImageInput::File(folder) if folder.is_dir() => match image_files(folder) {
                Ok(found) => sources.extend(found.into_iter().map(ImageInput::File)),
                Err(error) => fail(&error),
            },
            source => sources.push(source),
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

fn predict(predictor: &Predictor, sources: &[ImageInput]) -> Vec<fastburn::Result<Prediction>> {
    let files: Vec<_> = sources.iter().filter_map(ImageInput::file).collect();
    let mut file_predictions = predictor.predict_files(&files).into_iter();
    let predictions = sources.iter().filter_map(|source| match source {
        ImageInput::File(_) => file_predictions.next(),
        ImageInput::Stdin => Some(ImageInput::with_stdin(|bytes| predictor.predict_bytes(bytes))),
    });
    predictions.collect()
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
