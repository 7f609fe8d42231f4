//! `fastburn explain`: where in an image a trained model looks.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::plot::plot_explanation;
use fastburn::plot::text::{self, Paint};
use fastburn::records::Explanation;
use fastburn::vision::Bitmap;
use fastburn::{device, printable};
use serde_json::{Value, json};

use crate::cli::arguments::image_input::ImageInput;
use crate::cli::arguments::predictor::PredictorOptions;
use crate::cli::arguments::settings::CpuDevice;
use crate::cli::arguments::values::picture;
use crate::cli::output::print::{json_number, say_picture};

/// The number of runner-up classes to show.
const RUNNERS_UP: usize = 2;
/// The width of the pictures in characters.
const LINE: usize = 80;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    predictor: PredictorOptions,
    /// Image file, or - for an image on standard input
    image: PathBuf,
    /// Class to explain, instead of the predicted one
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Save the image and the heat over it as a picture (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print one JSON object, with all values of the heat
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    device: CpuDevice,
}

const EXAMPLES: &str = "\
Examples:
  fastburn explain photos.safetensors cat.jpg --out explain.png
  fastburn explain photos.safetensors cat.jpg --class dog
  fastburn explain resnet18 cat.jpg --out explain.png       with ImageNet's classes

The method is Grad-CAM for a convolutional model: what speaks for the class. For others it is the
gradient of the pixels: what changes its output, for or against it.";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (source, class) = (ImageInput::from(arguments.image.as_path()), arguments.class.as_deref());
    // Before weights are downloaded.
    source.check()?;
    let device = device::open(&arguments.device.device)?;
    let predictor = arguments.predictor.open(&device)?;
    let explanation = match &source {
        ImageInput::File(file) => predictor.explain_file(file, class)?,
        ImageInput::Stdin => ImageInput::with_stdin(|bytes| predictor.explain_bytes(bytes, class))?,
    };
    if let Some(file) = &arguments.out {
        plot_explanation(&explanation)?.save(file)?;
        say_picture(file);
    }
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", json_line(&source, &explanation))?;
    } else {
        write!(out, "{}\n{}", lines(&explanation), pictures(&explanation)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Formats the prediction, and where the heat is.
fn lines(explanation: &Explanation) -> String {
    let Explanation { prediction, method, heat_size: [rows, columns], shape, .. } = explanation;
    let likely = |(label, p): (&str, f32)| format!("{} {p:.4}", printable(label));
    let ranking: Vec<_> = prediction.ranking().take(1 + RUNNERS_UP).map(likely).collect();
    let mut predicted = ranking.join(", ");
    if let Some(adaptation) = &prediction.adaptation {
        predicted.push_str(&format!("  ({adaptation})"));
    }
    let explained = likely((explanation.label(), explanation.probability()));
    let mut lines = format!(
        "prediction  {predicted}\nexplained   {explained}, by {method} with {rows}×{columns} values\n"
    );
    let [_, height, width] = shape;
    match explanation.hottest().zip(explanation.centre()) {
        Some(([row, column], [middle_row, middle_column])) => lines.push_str(&format!(
            "hottest     row {row:.1}, column {column:.1} of {height}×{width} pixels\n\
             centre      row {middle_row:.1}, column {middle_column:.1}\n"
        )),
        None => lines.push_str("hottest     nowhere: nothing in the image matters to this class\n"),
    }
    lines
}

/// Draws the image and its heat as text.
fn pictures(explanation: &Explanation) -> Result<String> {
    let image = Bitmap::try_from(explanation)?;
    let [_, height, width] = explanation.shape;
    let heat = Bitmap::new(&explanation.heat_of_pixels(), [1, height, width])?;
    let titled = [(&image, "image"), (&heat, "heat")];
    Ok(text::image_grid(&titled, LINE, Paint::of(&stdout())))
}

fn json_line(source: &ImageInput, explanation: &Explanation) -> Value {
    let Explanation { prediction, method, heat, heat_size: [_, columns], shape, .. } = explanation;
    let rows = heat.chunks((*columns).max(1));
    let rows: Vec<Vec<Value>> =
        rows.map(|row| row.iter().copied().map(json_number).collect()).collect();
    let place = |place: Option<[f64; 2]>| {
        place.map(|[row, column]| json!({ "row": row, "column": column }))
    };
    let [_, height, width] = shape;
    json!({
        "image": source.to_string(),
        "label": prediction.label(),
        "probability": json_number(prediction.probability()),
        "adapted": prediction.adaptation,
        "explained": explanation.label(),
        "explained_probability": json_number(explanation.probability()),
        "method": method.to_string(),
        "height": height,
        "width": width,
        "hottest": place(explanation.hottest()),
        "centre": place(explanation.centre()),
        "heat": rows,
    })
}
