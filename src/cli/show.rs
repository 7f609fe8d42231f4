//! `fastburn show`: what is in a data set.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::data::dataset::Dataset;
use fastburn::data::{Bitmap, ImageFolder, Splits};
use fastburn::plot::image_grid;
use fastburn::plot::text::{self, Paint, printable};
use serde_json::json;

use super::{opened, tell};

/// The larger side of an image in a picture, in pixels; what is larger is reduced.
const SIDE: u32 = 256;
/// How wide the images may be on a pipe, in characters.
const LINE: usize = 80;
/// How many image sizes are listed: each photo may have its own.
const LISTED: usize = 5;
/// How many images stand in a row of the picture.
const IN_ROW: usize = 6;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(help = opened::DATA)]
    data: PathBuf,
    #[command(flatten)]
    opening: opened::Options,
    /// How many training images to show
    #[arg(long, default_value = "12")]
    images: NonZeroUsize,
    /// Which images those are, and which are held back for validation if the data does not say
    #[arg(long, default_value = "42")]
    seed: u64,
    /// Save the images as a picture, .svg or .png
    #[arg(long, value_name = "FILE", value_parser = super::picture)]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the tables and the images
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let splits = arguments.opening.splits(Some(&arguments.data), arguments.seed)?;
    let counts = counts(&splits);
    let sizes = sizes(&splits)?;
    let images = match arguments.json && arguments.out.is_none() {
        true => Vec::new(),
        false => some_images(&splits.train, arguments)?,
    };
    let titled: Vec<_> = images.iter().map(|(image, class)| (image, class.as_str())).collect();
    if let Some(file) = &arguments.out {
        image_grid(&titled, IN_ROW)?.save(file)?;
        tell(format_args!("picture {}", file.display()));
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
        print_counts(&mut out, &counts)?;
        print_sizes(&mut out, &sizes)?;
        let width = match stdout().is_terminal() {
            true => console::Term::stdout().size().1.into(),
            false => LINE,
        };
        write!(out, "\n{}", text::image_grid(&titled, width, Paint::of(&stdout())))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Images drawn by the seed, no larger than they are shown, and their classes.
fn some_images(folder: &ImageFolder, arguments: &Arguments) -> Result<Vec<(Bitmap, String)>> {
    let shown = folder.sample(arguments.images.get(), arguments.seed);
    let image = |index| {
        let item = shown.image(index)?;
        let class = shown.classes()[item.label as usize].clone();
        Ok((Bitmap::try_from(&item)?.thumbnail(SIDE), class))
    };
    (0..shown.len()).map(image).collect()
}

/// Each class with how many images it has to train and to validate.
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

/// The sizes of all images, `[width, height]`, and how many are of each, the most frequent first.
fn sizes(splits: &Splits) -> Result<Vec<([u32; 2], usize)>> {
    let mut counts = BTreeMap::new();
    for (size, count) in splits.train.sizes()?.into_iter().chain(splits.valid.sizes()?) {
        *counts.entry(size).or_insert(0) += count;
    }
    let mut sizes: Vec<_> = counts.into_iter().collect();
    sizes.sort_by_key(|&(_, count)| Reverse(count));
    Ok(sizes)
}

fn print_counts(out: &mut impl Write, counts: &[(&str, usize, usize)]) -> Result<()> {
    let width = counts.iter().map(|(class, ..)| class.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "{:width$}  train   valid", "class")?;
    for (class, train, valid) in counts {
        writeln!(out, "{:width$}  {train:<6}  {valid}", printable(class))?;
    }
    let (train, valid) =
        counts.iter().fold((0, 0), |(train, valid), row| (train + row.1, valid + row.2));
    writeln!(out, "{:width$}  {train:<6}  {valid}", "all")?;
    Ok(())
}

fn print_sizes(out: &mut impl Write, sizes: &[([u32; 2], usize)]) -> Result<()> {
    let mut rows: Vec<(String, String)> = vec![("size".to_owned(), "images".to_owned())];
    rows.extend(
        sizes
            .iter()
            .take(LISTED)
            .map(|([width, height], count)| (format!("{width}×{height}"), count.to_string())),
    );
    if let Some(others) = sizes.get(LISTED..).filter(|others| !others.is_empty()) {
        let images: usize = others.iter().map(|(_, count)| count).sum();
        rows.push(("others".to_owned(), format!("{images}, of {} sizes", others.len())));
    }
    let width = rows.iter().map(|(size, _)| size.chars().count()).max().unwrap_or_default();
    writeln!(out)?;
    for (size, images) in rows {
        writeln!(out, "{size:width$}  {images}")?;
    }
    Ok(())
}
