//! `fastburn show`: what is in a data set.

use std::io::{IsTerminal, Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::data::dataset::Dataset;
use fastburn::data::{Bitmap, ImageFolder, Splits};
use fastburn::plot::image_grid;
use fastburn::plot::text::{self, Paint};
use serde_json::{Value, json};

use super::tell;

/// How wide the images may be on a pipe, in characters.
const LINE: usize = 80;
/// How many image sizes are listed: each photo may have its own.
const LISTED: usize = 5;
/// How many images stand in a row of the picture.
const IN_ROW: usize = 6;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder, .tgz or .tar of images: training/ and testing/, train/ and valid/, or the classes
    data: PathBuf,
    /// How many training images to show
    #[arg(long, default_value = "12")]
    images: NonZeroUsize,
    /// Which images those are, and which are held back for validation if the data does not say
    #[arg(long, default_value = "42")]
    seed: u64,
    /// Save the images as a picture, .svg or .png
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the tables and the images
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let splits = Splits::open(&arguments.data, arguments.seed)?;
    let counts = counts(&splits);
    let sizes = sizes(&splits)?;
    let mut out = stdout().lock();
    if arguments.json {
        let classes = counts.iter().map(|(class, train, valid)| {
            json!({ "name": class, "train_images": train, "valid_images": valid })
        });
        let sizes = sizes.iter().map(|(size, images)| json!({ "size": size, "images": images }));
        let classes: Vec<Value> = classes.collect();
        let line = json!({ "classes": classes, "sizes": sizes.collect::<Vec<_>>() });
        writeln!(out, "{line}")?;
    } else {
        print_counts(&mut out, &counts)?;
        print_sizes(&mut out, &sizes)?;
    }
    if arguments.json && arguments.out.is_none() {
        return Ok(ExitCode::SUCCESS);
    }

    let shown = splits.train.sample(arguments.images.get(), arguments.seed);
    let images = (0..shown.len())
        .map(|index| {
            let item = shown.image(index)?;
            Ok((Bitmap::try_from(&item)?, shown.classes()[item.label as usize].as_str()))
        })
        .collect::<Result<Vec<_>>>()?;
    let titled: Vec<_> = images.iter().map(|(image, class)| (image, *class)).collect();
    if let Some(file) = &arguments.out {
        image_grid(&titled, IN_ROW)?.save(file)?;
        tell(format_args!("picture {}", file.display()));
    }
    if !arguments.json {
        let widest = images.iter().map(|(image, _)| image.width()).max().unwrap_or_default();
        let (paint, width) = page();
        let grid = text::image_grid(&titled, text::columns(widest, width), paint);
        write!(out, "\n{grid}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How the reader of standard output sees colours, and how many characters make up a line.
fn page() -> (Paint, usize) {
    if !stdout().is_terminal() {
        return (Paint::Plain, LINE);
    }
    let paint = if console::colors_enabled() { Paint::Colour } else { Paint::Plain };
    (paint, console::Term::stdout().size().1.into())
}

/// Each class with how many images it has to train and to validate.
fn counts(splits: &Splits) -> Vec<(&str, usize, usize)> {
    let of = |folder: &ImageFolder, class: usize| {
        folder.labels().iter().filter(|&&label| label as usize == class).count()
    };
    let classes = splits.train.classes().iter().enumerate();
    classes
        .map(|(index, class)| (class.as_str(), of(&splits.train, index), of(&splits.valid, index)))
        .collect()
}

/// The sizes of all images, `[width, height]`, and how many are of each.
fn sizes(splits: &Splits) -> Result<Vec<([u32; 2], usize)>> {
    let mut sizes = splits.train.sizes()?;
    for (size, count) in splits.valid.sizes()? {
        match sizes.iter_mut().find(|(known, _)| *known == size) {
            Some((_, counted)) => *counted += count,
            None => sizes.push((size, count)),
        }
    }
    Ok(sizes)
}

fn print_counts(out: &mut impl Write, counts: &[(&str, usize, usize)]) -> Result<()> {
    let width = counts.iter().map(|(class, ..)| class.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "{:width$}  train   valid", "class")?;
    for (class, train, valid) in counts {
        writeln!(out, "{class:width$}  {train:<6}  {valid}")?;
    }
    let (train, valid) =
        counts.iter().fold((0, 0), |(train, valid), row| (train + row.1, valid + row.2));
    writeln!(out, "{:width$}  {train:<6}  {valid}", "all")?;
    Ok(())
}

fn print_sizes(out: &mut impl Write, sizes: &[([u32; 2], usize)]) -> Result<()> {
    writeln!(out, "\nsize     images")?;
    for ([width, height], count) in sizes.iter().take(LISTED) {
        writeln!(out, "{:<7}  {count}", format!("{width}×{height}"))?;
    }
    if let Some(others) = sizes.get(LISTED..).filter(|others| !others.is_empty()) {
        let images: usize = others.iter().map(|(_, count)| count).sum();
        writeln!(out, "others   {images}, of {} sizes", others.len())?;
    }
    Ok(())
}
