//! The description of a run that `train` prints first.

use anyhow::Result;
use fastburn::checkpoints::SavedRun;
use fastburn::device::DeviceInfo;
use fastburn::models::{AnyModel, Registry, count_parameters};
use fastburn::printable;
use fastburn::vision::{ImageSpec, Images, SkippedFile, Splits};
use serde_json::json;

use crate::cli::arguments::checkpoints::Run;
use crate::cli::arguments::settings::ScheduleName;
use crate::cli::arguments::values::name_of;
use crate::cli::output::print::{json_line, number, say};

/// Facts about the images of a run.
pub struct ImagesInNumbers {
    place: String,
    format: ImageSpec,
    classes: Vec<String>,
    /// The number of training and of validation images.
    counts: [usize; 2],
    skipped: Vec<SkippedFile>,
    /// Their decoded size, if they are streamed.
    streamed: Option<String>,
}

impl ImagesInNumbers {
    pub fn of(splits: &Splits, train: &Images, valid: &Images) -> Self {
        Self {
            place: splits.place().to_owned(),
            format: train.format().clone(),
            classes: train.classes().to_vec(),
            counts: [train.len(), valid.len()],
            skipped: [train.skipped(), valid.skipped()].concat(),
            streamed: train.is_streamed().then(|| decoded_size(&[train, valid])),
        }
    }
}

/// Prints the device, the data and the model, one line each or as one JSON object.
pub fn announce(
    device: &DeviceInfo,
    images: &ImagesInNumbers,
    model: &AnyModel,
    run: &Run,
    as_json: bool,
) -> Result<()> {
    let (settings, training) = (&run.settings, &run.settings.training);
    let ImagesInNumbers { place, format, classes, counts: [train, valid], skipped, streamed } =
        images;
    if as_json {
        let skipped = skipped.iter().map(|s| json!({ "file": s.file, "reason": s.reason }));
        json_line(&json!({
            "event": "start",
            "version": env!("CARGO_PKG_VERSION"),
            "device": device.name,
            "adapter": device.adapter,
            "data": place,
            "train_images": train,
            "valid_images": valid,
            "image": format.shape(),
            "scaling": format.scaling,
            "streamed": streamed.is_some(),
            "skipped": skipped.collect::<Vec<_>>(),
            "classes": classes,
            "architecture": model.architecture()?,
            "parameters": count_parameters(model),
            "settings": settings,
            "resumed_steps": run.saved.as_ref().map(SavedRun::steps),
        }))?;
        return Ok(());
    }
    say(format_args!("device  {} ({}, {})", device.name, device.kind, device.adapter));
    let streamed = streamed.as_ref().map(|size| format!("; streamed: {size} decoded"));
    say(format_args!(
        "data    {}: {train} training and {valid} validation images of {}×{}, {} classes{}",
        printable(place),
        format.width,
        format.height,
        classes.len(),
        streamed.unwrap_or_default(),
    ));
    let lr = match (training.schedule, settings.fine_tune()) {
        (_, Some(_)) => format!("{} (fine-tuning)", number(settings.lr())),
        (ScheduleName::Constant, None) => number(settings.lr()),
        (schedule, None) => format!("{} ({})", number(settings.lr()), name_of(schedule)),
    };
    let balance = training.balance.map(|by| format!(" (balanced by {})", name_of(by)));
    let balance = balance.unwrap_or_default();
    say(format_args!(
        "model   {}, {} parameters; {}{balance}, {}, lr {}, batches of {}, seed {}",
        model.description()?,
        count_parameters(model),
        name_of(training.loss),
        settings.optimizer().kind(),
        lr,
        settings.batch_size(*train),
        training.seed,
    ));
    let mixing = [("mixup", training.mixup), ("cutmix", training.cutmix)];
    let mixing = mixing.into_iter().filter_map(|(name, alpha)| Some(format!("{name}={}", alpha?)));
    let policy = settings.images.augment.policy()?.map(|policy| policy.to_string());
    let augmented: Vec<_> = policy.into_iter().chain(mixing).collect();
    if !augmented.is_empty() {
        say(format_args!("augment {}", augmented.join(",")));
    }
    if let Some(saved) = &run.saved {
        let rows = saved.history().epochs.len();
        say(format_args!("resume  at step {}, after {rows} completed epochs", saved.steps()));
    }
    Ok(())
}

/// Formats the decoded size of the images.
fn decoded_size(parts: &[&Images]) -> String {
    let bytes: u64 = parts.iter().map(|part| part.decoded_bytes()).sum();
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}
