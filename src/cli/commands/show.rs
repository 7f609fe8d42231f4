//! `fastburn show`: the classes, image sizes and some images of a data set.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::data::dataset::Dataset;
use fastburn::plot::image_grid;
use fastburn::plot::text::{self, Paint};
use fastburn::vision::{Bitmap, ImageFolder, ImageItem, ImageSpec, Splits};
use serde_json::json;

use crate::cli::arguments::augmentation::AugmentOptions;
use crate::cli::arguments::data::{DATA, DataOptions};
use crate::cli::arguments::values::{count, picture, whole_number};
use crate::cli::output::print::{say_passed_over, say_picture, table};

/// The longest side of an image in the picture, in pixels; larger images are reduced.
const SIDE: u32 = 256;
/// The width of the images in characters, if standard output is not a terminal.
const LINE: usize = 80;
/// The number of image sizes to list, since each photo may have its own.
const LISTED: usize = 5;
/// The number of images in a row of the picture.
const IN_ROW: usize = 6;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(help = DATA)]
    data: PathBuf,
    #[command(flatten)]
    opening: DataOptions,
    #[command(flatten)]
    augment: AugmentOptions,
    /// Random seed of the images shown, and of a validation split that the data does not define
    #[arg(long, value_parser = whole_number::<u64>, default_value = "42", help_heading = "Data")]
    seed: u64,
    /// Number of training images to show
    #[arg(long, value_parser = count, default_value = "12", value_name = "N", help_heading = "Output")]
    images: NonZeroUsize,
    /// Save the images as a picture (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of tables and images
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fastburn show photos --images 24 --out photos.png
  fastburn show photos --augment standard,hue=0.1       one image drawn often, others once";

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let splits = arguments.opening.splits(Some(&arguments.data), arguments.seed)?;
    say_passed_over(&splits);
    let counts = counts(&splits);
    let sizes = sizes(&splits)?;
    let images = if arguments.json && arguments.out.is_none() {
        Vec::new()
    } else {
        some_images(&splits.train, arguments)?
    };
    let titled: Vec<_> = images.iter().map(|(image, class)| (image, class.as_str())).collect();
    if let Some(file) = &arguments.out {
        image_grid(&titled, IN_ROW)?.save(file)?;
        say_picture(file);
    }

    let mut out = stdout().lock();
    if arguments.json {
        let classes = counts.iter().map(|(class, train, valid)| {
            json!({ "name": class, "train_images": train, "valid_images": valid })
        });
        let sizes = sizes.iter().map(|(size, images)| json!({ "size": size, "images": images }));
        let (classes, sizes) = (classes.collect::<Vec<_>>(), sizes.collect::<Vec<_>>());
        writeln!(out, "{}", json!({ "classes": classes, "sizes": sizes }))?;
    } else {
        write!(out, "{}\n{}", count_table(&counts), size_table(&sizes))?;
        let width =
            if stdout().is_terminal() { console::Term::stdout().size().1.into() } else { LINE };
        write!(out, "\n{}", text::image_grid(&titled, width, Paint::of(&stdout())))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws random training images, reduced to `SIDE`, and returns them with their classes. If they are
/// augmented, the first half shows one image as several epochs see it.
fn some_images(folder: &ImageFolder, arguments: &Arguments) -> Result<Vec<(Bitmap, String)>> {
    let count = arguments.images.get();
    let shown = folder.sample(count, arguments.seed);
    let class = |item: &ImageItem| shown.classes()[item.label as usize].clone();
    let Some(policy) = arguments.augment.policy()? else {
        let image = |index| {
            let item = shown.image(index)?;
            Ok((Bitmap::try_from(&item)?.thumbnail(SIDE), class(&item)))
        };
        return (0..shown.len()).map(image).collect();
    };
    let repeats = count.div_ceil(2);
    let others = shown.len().min(count - repeats + 1);
    let first = reduced(shown.image(0)?)?;
    let indices = std::iter::repeat_n(0, repeats).chain(1..others);
    let image = |(index, drawing)| {
        let item = if index == 0 { first.clone() } else { reduced(shown.image(index)?)? };
        let values =
            policy.image(&item.pixels, item.shape, arguments.seed.wrapping_add(drawing))?;
        Ok((Bitmap::new(&values, item.shape)?, class(&item)))
    };
    indices.zip(0..).map(image).collect()
}

/// Returns an image reduced to `SIDE`, in proportion.
fn reduced(item: ImageItem) -> fastburn::Result<ImageItem> {
    let [channels, height, width] = item.shape;
    let longer = height.max(width);
    if longer <= SIDE as usize {
        return Ok(item);
    }
    let [height, width] = [height, width].map(|side| (side * SIDE as usize / longer).max(1));
    let shape = [channels, height, width];
    let (pixels, _) = ImageSpec::new(shape).adapt(&item.pixels, item.shape)?;
    Ok(ImageItem { pixels, shape, ..item })
}

/// Counts the training and the validation images of each class.
fn counts(splits: &Splits) -> Vec<(&str, usize, usize)> {
    let of = |folder: &ImageFolder| {
        let mut counts = vec![0; folder.classes().len()];
        folder.labels().iter().for_each(|&label| counts[label as usize] += 1);
        counts
    };
    let counts = of(&splits.train).into_iter().zip(of(&splits.valid));
    let classes = splits.train.classes().iter().zip(counts);
    classes.map(|(class, (train, valid))| (class.as_str(), train, valid)).collect()
}

/// Counts the images of each size, `[width, height]`, the most frequent first.
fn sizes(splits: &Splits) -> Result<Vec<([u32; 2], usize)>> {
    let mut counts = BTreeMap::new();
    for (size, count) in splits.train.sizes()?.into_iter().chain(splits.valid.sizes()?) {
        *counts.entry(size).or_insert(0) += count;
    }
    let mut sizes: Vec<_> = counts.into_iter().collect();
    sizes.sort_by_key(|&(_, count)| Reverse(count));
    Ok(sizes)
}

fn count_table(counts: &[(&str, usize, usize)]) -> String {
    let row = |class: &str, train: usize, valid: usize| {
        [class.to_owned(), format!("{train:<6}"), valid.to_string()]
    };
    let mut rows = vec![["class", "train ", "valid"].map(str::to_owned)];
    rows.extend(counts.iter().map(|&(class, train, valid)| row(class, train, valid)));
    let sums = counts.iter().fold((0, 0), |sums, row| (sums.0 + row.1, sums.1 + row.2));
    rows.push(row("all", sums.0, sums.1));
    table(&rows)
}

fn size_table(sizes: &[([u32; 2], usize)]) -> String {
    let mut rows = vec![["size", "images"].map(str::to_owned)];
    rows.extend(
        sizes
            .iter()
            .take(LISTED)
            .map(|([width, height], count)| [format!("{width}×{height}"), count.to_string()]),
    );
    if let Some(others) = sizes.get(LISTED..).filter(|others| !others.is_empty()) {
        let images: usize = others.iter().map(|(_, count)| count).sum();
        rows.push(["others".to_owned(), format!("{images}, of {} sizes", others.len())]);
    }
    table(&rows)
}
