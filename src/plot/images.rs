//! Grids of images with a title above each.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use burn::tensor::{Int, Tensor};
use image::ImageFormat;
use svg::Document;
use svg::node::element::{Image, Rectangle, Text};

use super::figure::Figure;
use super::style::{self, FONT, GAP, INK, LABEL, PAPER};
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::printable::printable;
use crate::vision::Bitmap;

/// The maximum width and height of an image in a grid, in pixels.
pub(super) const IN_GRID: usize = 112;
/// The maximum width and height of a single image.
pub(super) const ALONE: usize = 336;
/// The number of images that [`show_batch`] shows, and the number per row, as in fastai.
const SHOWN: usize = 9;
const IN_ROW: usize = 3;
/// The maximum width of a title in pixels. Longer titles are cut, unless the image is wider.
const WIDEST_TITLE: u32 = 2 * IN_GRID as u32;
/// The height of a line of a title.
const TITLE_HEIGHT: u32 = LABEL + 6;

/// Draws one enlarged image.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::vision::{Bitmap, Splits};
/// use fastburn::plot::show_image;
///
/// let item = Splits::digits()?.valid.get(0).unwrap();
/// let figure = show_image(&Bitmap::try_from(&item)?)?;
/// assert!(figure.svg().contains("<image"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`] if the image cannot be encoded.
pub fn show_image(image: &Bitmap) -> Result<Figure> {
    grid(&[(image, &[])], &[], 1, ALONE)
}

/// Draws images in rows of `columns`, each with its title above it.
///
/// ```
/// use fastburn::vision::Bitmap;
/// use fastburn::plot::image_grid;
///
/// let grey = Bitmap::new(&[0.5; 4], [1, 2, 2])?;
/// let figure = image_grid(&[(&grey, "grey"), (&grey, "grey again")], 2)?;
/// assert!(figure.svg().contains("grey again"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`] if there are no images or `columns` is 0, [`Error::Plot`] if an image cannot
/// be encoded.
pub fn image_grid(images: &[(&Bitmap, &str)], columns: usize) -> Result<Figure> {
    let titles: Vec<_> = images.iter().map(|(_, title)| [(*title).to_owned()]).collect();
    let titled = images.iter().zip(&titles).map(|((image, _), title)| (*image, title.as_slice()));
    grid(&titled.collect::<Vec<_>>(), &[], columns, IN_GRID)
}

/// Draws the first nine images of a batch with their classes, as fastai's `show_batch`.
///
/// The batch's input is `[batch, channels, height, width]`, its target `[batch]`. The call waits
/// for the device.
///
/// ```
/// use fastburn::vision::Splits;
/// use fastburn::plot::show_batch;
///
/// let device = fastburn::device::cpu()?;
/// let digits = Splits::digits()?;
/// let loader = digits.loaders(64, 42, &device)?.train;
/// let batch = loader.batch(&loader.order(0), 0, &device)?;
/// show_batch(&batch, digits.train.classes())?;
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the input does not have one or three channels, [`Error::Setting`] if the
/// batch is empty, [`Error::Compute`] if the device fails.
pub fn show_batch(batch: &Batch<Tensor<4>, Tensor<1, Int>>, classes: &[String]) -> Result<Figure> {
    let shown = batch.len.min(SHOWN);
    if shown == 0 {
        return Err(zero("number of images"));
    }
    let targets = batch.target.clone().narrow(0, 0, shown).try_into_vec_as::<i64>();
    let targets = targets.map_err(|error| Error::compute("read a batch's targets", error))?;
    let [_, channels, height, width] = batch.input.dims();
    let pixels = batch.input.clone().narrow(0, 0, shown).try_into_vec_as::<f32>();
    let pixels = pixels.map_err(|error| Error::compute("read a batch's images", error))?;
    let images = pixels
        .chunks_exact((channels * height * width).max(1))
        .map(|values| Bitmap::new(values, [channels, height, width]))
        .collect::<Result<Vec<_>>>()?;
    let names = targets.iter().map(|&target| {
        let class = usize::try_from(target).ok().and_then(|target| classes.get(target));
        class.map_or("?", String::as_str)
    });
    image_grid(&images.iter().zip(names).collect::<Vec<_>>(), IN_ROW)
}

/// An image and the lines of its title.
pub(super) type TitledImage<'a> = (&'a Bitmap, &'a [String]);

/// Draws images in rows of `columns`, no larger than `side`, below the lines of a headline.
pub(super) fn grid(
    images: &[TitledImage<'_>],
    headline: &[&str],
    columns: usize,
    side: usize,
) -> Result<Figure> {
    if images.is_empty() {
        return Err(zero("number of images"));
    }
    if columns == 0 {
        return Err(zero("number of columns"));
    }
    let columns = columns.min(images.len()) as u32;
    let rows = (images.len() as u32).div_ceil(columns);
    let lines = images.iter().map(|(_, title)| height_of(title)).max().unwrap_or_default();
    let sizes = images.iter().map(|(image, _)| drawn_size(image, side));
    let (image_width, image_height) =
        sizes.fold((0, 0), |(w, h), (width, height)| (w.max(width), h.max(height)));
    let titles = images.iter().flat_map(|(_, title)| *title);
    let title_width = titles.map(|line| style::width_of(&printable(line), LABEL)).max();
    let cell_width = image_width.max(title_width.unwrap_or_default().min(WIDEST_TITLE));
    let cell_height = image_height + lines;
    let head_width = headline.iter().map(|line| style::width_of(line, LABEL)).max();
    let head_height = match headline.len() as u32 {
        0 => 0,
        lines => lines * TITLE_HEIGHT + GAP,
    };

    let width = (columns * (cell_width + GAP)).max(head_width.unwrap_or_default() + GAP) + GAP;
    let height = head_height + rows * (cell_height + GAP) + GAP;
    let text = |text: String, middle: u32, top: u32, line: u32| {
        let text = Text::new(text).set("x", middle).set("y", top + LABEL + line * TITLE_HEIGHT);
        let text = text.set("text-anchor", "middle").set("font-family", FONT);
        text.set("font-size", LABEL).set("fill", style::hex(INK))
    };
    let paper = Rectangle::new().set("width", width).set("height", height);
    let mut drawing = Document::new()
        .set("width", width)
        .set("height", height)
        .set("viewBox", (0, 0, width, height))
        .add(paper.set("fill", style::hex(PAPER)));
    for (words, line) in headline.iter().zip(0..) {
        drawing = drawing.add(text((*words).to_owned(), width / 2, GAP, line));
    }
    for ((image, title), index) in images.iter().zip(0..) {
        let left = GAP + (index % columns) * (cell_width + GAP);
        let top = GAP + head_height + (index / columns) * (cell_height + GAP);
        let (width, height) = drawn_size(image, side);
        for (words, line) in title.iter().zip(0..).filter(|(words, _)| !words.is_empty()) {
            let words = style::fitted(&printable(words), LABEL, cell_width + GAP / 2);
            drawing = drawing.add(text(words, left + cell_width / 2, top, line));
        }
        let picture = Image::new()
            .set("x", left + (cell_width - width) / 2)
            .set("y", top + lines + (image_height - height) / 2)
            .set("width", width)
            .set("height", height)
            .set("style", "image-rendering:pixelated")
            .set(
                "href",
                format!("data:image/png;base64,{}", STANDARD.encode(png(image, (width, height))?)),
            );
        drawing = drawing.add(picture);
    }
    Ok(Figure::new(drawing.to_string()))
}

/// Returns the height of a title, without empty lines at its end.
fn height_of(title: &[String]) -> u32 {
    let last = title.iter().rposition(|line| !line.is_empty());
    last.map_or(0, |last| (last as u32 + 1) * TITLE_HEIGHT)
}

fn zero(what: &'static str) -> Error {
    Error::setting(what, 0, "at least 1")
}

/// Returns the width and height at which an image is drawn. Small images are enlarged by a whole
/// factor, which keeps pixels square; large ones are reduced to `side`.
fn drawn_size(image: &Bitmap, side: usize) -> (u32, u32) {
    let larger = image.width().max(image.height());
    let scaled = |length: usize| match side / larger {
        0 => (length * side / larger).max(1) as u32,
        times => (length * times) as u32,
    };
    (scaled(image.width()), scaled(image.height()))
}

/// Encodes the image as a PNG file, reduced to the pixels that a sharp drawing needs.
fn png(image: &Bitmap, (width, height): (u32, u32)) -> Result<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    let reduced = image.thumbnail(2 * width.max(height));
    let written = reduced.pixels().write_to(&mut file, ImageFormat::Png);
    written.map_err(|error| Error::plot("an image", error))?;
    Ok(file.into_inner())
}
