//! Small pictures for a terminal, or for a log.

use image::RgbImage;

use crate::data::Bitmap;

/// The widest that an image is drawn, in characters.
const WIDEST: u32 = 32;
/// Characters from empty to full, for where there are no colours.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// What stands between two images.
const GAP: &str = "  ";
/// Bars from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Whether the reader of a text shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A terminal with 24-bit colours.
    Colour,
    /// A pipe, a file, or somebody who asked for no colours: no control codes.
    Plain,
}

impl Paint {
    /// A text in colours, or as it is.
    pub(super) fn cell(self, text: &str, ink: [u8; 3], paper: [u8; 3]) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => {
                let ([r, g, b], [pr, pg, pb]) = (ink, paper);
                format!("\x1b[38;2;{r};{g};{b};48;2;{pr};{pg};{pb}m{text}\x1b[0m")
            }
        }
    }
}

/// An image as lines of text, in which a character holds two pixels, one above the other: both in
/// colours, or their mean as a shade. An image wider than 32 pixels is reduced to that.
///
/// ```
/// use fastburn::data::Bitmap;
/// use fastburn::plot::text::{Paint, image};
///
/// let ramp = Bitmap::new(vec![0.0, 0.5, 1.0, 0.0, 0.5, 1.0], [1, 2, 3])?;
/// assert_eq!(image(&ramp, Paint::Plain), " ▒█\n");
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn image(image: &Bitmap, paint: Paint) -> String {
    lines(&reduced(image), paint).into_iter().map(|line| line + "\n").collect()
}

/// Images side by side in rows of `columns`, each under its title.
///
/// ```
/// use fastburn::data::Bitmap;
/// use fastburn::plot::text::{Paint, image_grid};
///
/// let black = Bitmap::new(vec![0.0; 4], [1, 2, 2])?;
/// let white = Bitmap::new(vec![1.0; 4], [1, 2, 2])?;
/// let text = image_grid(&[(&black, "0"), (&white, "1")], 2, Paint::Plain);
/// assert_eq!(text, "0   1\n    ██\n");
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn image_grid(images: &[(&Bitmap, &str)], columns: usize, paint: Paint) -> String {
    let mut text = String::new();
    for row in images.chunks(columns.max(1)) {
        let reduced: Vec<RgbImage> = row.iter().map(|(image, _)| reduced(image)).collect();
        let widths = reduced.iter().zip(row);
        let widths =
            widths.map(|(image, (_, title))| image.width().max(title.chars().count() as u32));
        let widths: Vec<usize> = widths.map(|width| width as usize).collect();
        let titles = row.iter().zip(&widths).map(|((_, title), &width)| format!("{title:<width$}"));
        push_line(&mut text, titles);
        let drawn: Vec<Vec<String>> = reduced.iter().map(|image| lines(image, paint)).collect();
        for line in 0..drawn.iter().map(Vec::len).max().unwrap_or_default() {
            let cells = drawn.iter().zip(&reduced).zip(&widths).map(|((drawn, image), &width)| {
                // Control codes have no width, so that the padding is counted from the pixels.
                let (cell, used) = match drawn.get(line) {
                    Some(cell) => (cell.as_str(), image.width() as usize),
                    None => ("", 0),
                };
                format!("{cell}{:1$}", "", width - used)
            });
            push_line(&mut text, cells);
        }
    }
    text
}

/// How many images of that width fit side by side into so many characters; at least one.
pub fn columns(image_width: usize, characters: usize) -> usize {
    ((characters + GAP.len()) / (image_width.min(WIDEST as usize) + GAP.len())).max(1)
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
    text.push('\n');
}

/// A curve in one line; values that are not finite are left blank.
///
/// ```
/// use fastburn::plot::text::sparkline;
///
/// assert_eq!(sparkline(&[0.0, 1.0, 2.0, 7.0], 4), "▁▂▃█");
/// assert_eq!(sparkline(&[5.0, 5.0, 1.0, 1.0], 2), "█▁"); // averaged to fit
/// ```
pub fn sparkline(values: &[f64], width: usize) -> String {
    let width = width.clamp(1, values.len().max(1));
    let means: Vec<f64> = (0..width)
        .map(|index| {
            let part = &values[index * values.len() / width..(index + 1) * values.len() / width];
            part.iter().sum::<f64>() / part.len() as f64
        })
        .collect();
    let finite = || means.iter().copied().filter(|mean| mean.is_finite());
    let least = finite().fold(f64::INFINITY, f64::min);
    let range = finite().fold(f64::NEG_INFINITY, f64::max) - least;
    let bar = |mean: f64| match mean.is_finite() {
        false => ' ',
        true if range > 0.0 => BARS[((mean - least) / range * 7.0).round() as usize],
        true => BARS[0],
    };
    means.into_iter().map(bar).collect()
}

fn reduced(image: &Bitmap) -> RgbImage {
    let (image, width) = (image.to_rgb(), image.width() as u32);
    if width <= WIDEST {
        return image;
    }
    let height = (image.height() * WIDEST / width).max(1);
    image::imageops::thumbnail(&image, WIDEST, height)
}

fn lines(image: &RgbImage, paint: Paint) -> Vec<String> {
    let character = |x: u32, y: u32| {
        let above = image.get_pixel(x, y).0;
        let below = image.get_pixel_checked(x, y + 1).map_or([0; 3], |pixel| pixel.0);
        match paint {
            Paint::Colour => paint.cell("▀", above, below),
            Paint::Plain => shade((brightness(above) + brightness(below)) / 2.0).to_string(),
        }
    };
    let rows = (0..image.height()).step_by(2);
    rows.map(|y| (0..image.width()).map(|x| character(x, y)).collect()).collect()
}

fn shade(brightness: f64) -> char {
    SHADES[(brightness / 255.0 * 4.0).round() as usize]
}

/// How bright the eye sees a colour, from 0 to 255 (ITU-R BT.601).
fn brightness([red, green, blue]: [u8; 3]) -> f64 {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
}
