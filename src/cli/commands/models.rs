//! `fastburn models`: the models that can be chosen by name, and their pretrained weights.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use burn::tensor::{Device, Tensor};
use fastburn::device;
use fastburn::models::{AnyModel, ModelOptions, NamedModel, Registry, count_parameters, layers_of};
use fastburn::pretrained::{PretrainedWeights, catalog};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::cli::arguments::images::{Size, channels};
use crate::cli::arguments::values::count;
use crate::cli::output::print::{number, table};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Size of the images, as SIDE or WIDTHxHEIGHT pixels
    #[arg(long, value_parser = Size::parse, default_value = "224")]
    size: Size,
    /// Grey (1) or colour (3) images
    #[arg(long, value_parser = channels(), default_value = "3")]
    channels: usize,
    /// Number of classes
    #[arg(long, value_parser = count, default_value = "1000")]
    classes: std::num::NonZeroUsize,
    /// Print one JSON object instead of the tables
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  fastburn models --size 28 --channels 1 --classes 10

A learning rate is the default of `train`: the peak of one cycle with adam. A multiply-add is two
floating-point operations. The accuracy of weights is the published one, on
ImageNet's validation images. `fastburn predict resnet18 photo.jpg` uses them as they are,
`fastburn train photos --model resnet18 --pretrained --fine-tune` as the start of another model.";

/// A model for images of one size.
struct ListedModel {
    name: &'static str,
    about: &'static str,
    lr: f64,
    parameters: usize,
    /// For one image.
    multiply_adds: u64,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let device = device::cpu()?;
    let models = AnyModel::all_named().into_iter();
    let models = models.map(|model| ListedModel::of(&model, arguments, &device));
    let models = models.collect::<Result<Vec<_>>>()?;
    let weights = catalog();
    let mut out = stdout().lock();
    if arguments.json {
        let models: Vec<_> = models.iter().map(ListedModel::json).collect();
        let weights: Vec<_> = weights.iter().map(weights_json).collect();
        writeln!(out, "{}", json!({ "models": models, "weights": weights }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["model", "parameters", "multiply-adds", "learning rate", ""].map(str::to_owned);
    let rows = models.iter().map(ListedModel::cells);
    write!(out, "{}", table(&std::iter::once(header).chain(rows).collect::<Vec<_>>()))?;
    let Arguments { size, channels, classes, .. } = arguments;
    let colour = if *channels == 1 { "grey" } else { "colour" };
    writeln!(out, "\nfor {colour} images of size {size} and {classes} classes\n")?;
    let header = ["weights", "licence", "accuracy", "download"].map(str::to_owned);
    let rows = weights.iter().map(weights_cells);
    write!(out, "{}", table(&std::iter::once(header).chain(rows).collect::<Vec<_>>()))?;
    Ok(ExitCode::SUCCESS)
}

impl ListedModel {
    fn of(model: &NamedModel, arguments: &Arguments, device: &Device) -> Result<Self> {
        let Arguments { size, channels, classes, .. } = arguments;
        let shape = [*channels, size.height, size.width];
        let architecture = model.architecture(&shape, classes.get(), &ModelOptions::new())?;
        let made = AnyModel::from_architecture(&architecture, device, 0)?;
        let [channels, height, width] = shape;
        let image = Tensor::<4>::zeros([1, channels, height, width], device);
        let layers = layers_of(&made, Some(image));
        Ok(Self {
            name: model.name(),
            about: model.about(),
            lr: model.lr(),
            parameters: count_parameters(&made),
            multiply_adds: layers.iter().filter_map(|layer| layer.multiply_adds).sum(),
        })
    }

    fn cells(&self) -> [String; 5] {
        [
            self.name.to_owned(),
            in_thousands(self.parameters as u64),
            in_thousands(self.multiply_adds),
            number(self.lr),
            self.about.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "about": self.about,
            "learning_rate": self.lr,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
        })
    }
}

fn weights_cells(weights: &PretrainedWeights) -> [String; 4] {
    [
        weights.name().to_owned(),
        weights.file.licence.clone().unwrap_or_else(|| "unknown".to_owned()),
        weights.top1.map(|top1| format!("{top1:.4}")).unwrap_or_default(),
        weights.file.size.map_or("unknown".to_owned(), |size| HumanBytes(size).to_string()),
    ]
}

fn weights_json(weights: &PretrainedWeights) -> Value {
    json!({
        "name": weights.name(),
        "model": weights.architecture,
        "url": weights.file.url,
        "bytes": weights.file.size,
        "licence": weights.file.licence,
        "parameters": weights.parameters,
        "accuracy": weights.top1,
        "images": weights.format(),
    })
}

/// Formats a count for people, such as `11.7 M`.
fn in_thousands(count: u64) -> String {
    let units = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    match units.into_iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", count as f64 / unit as f64),
        None => count.to_string(),
    }
}
