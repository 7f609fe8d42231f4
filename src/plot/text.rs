//! Small plots as text, for a terminal or a log.

use std::io::IsTerminal;

use crate::printable::printable;
use crate::vision::Bitmap;

/// The maximum width of an image, in characters.
const WIDEST: usize = 32;
/// Characters from empty to full, for output without colours.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// The space between two images.
const GAP: &str = "  ";
/// The bars of a sparkline, from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Whether a text contains colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// For a terminal with 24-bit colours.
    Colour,
    /// Without control codes: for a pipe or a file, or if colours are not wanted.
    Plain,
}

impl Paint {
    /// Chooses colours if `out` is a terminal with 24-bit colours (`COLORTERM`) and `NO_COLOR` is
    /// unset or empty.
    ///
    /// ```
    /// use fastburn::plot::text::Paint;
    ///
    /// let paint = Paint::of(&std::io::stdout());
    /// println!("{paint:?}");
    /// ```
    pub fn of(out: &impl IsTerminal) -> Self {
        let support = std::env::var("COLORTERM").unwrap_or_default();
        let colours = matches!(support.as_str(), "truecolor" | "24bit");
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if out.is_terminal() && colours && !unwanted { Self::Colour } else { Self::Plain }
    }

    /// Returns the text in these colours, or unchanged.
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

/// Formats an image as lines of text. Each character shows two pixels, one above the other: both in
/// colour, or their mean as a shade. An image with a side over 32 pixels is reduced to that size.
///
/// ```
/// use fastburn::vision::Bitmap;
/// use fastburn::plot::text::{Paint, image};
///
/// let ramp = Bitmap::new(&[0.0, 0.5, 1.0, 0.0, 0.5, 1.0], [1, 2, 3])?;
/// assert_eq!(image(&ramp, Paint::Plain), " ▒█\n");
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn image(image: &Bitmap, paint: Paint) -> String {
    lines(&image.thumbnail(WIDEST as u32), paint).into_iter().map(|line| line + "\n").collect()
}

/// Formats images side by side, each under its title, as many per row as fit in `width` characters.
///
/// ```
/// use fastburn::vision::Bitmap;
/// use fastburn::plot::text::{Paint, image_grid};
///
/// let (black, white) = (Bitmap::new(&[0.0; 4], [1, 2, 2])?, Bitmap::new(&[1.0; 4], [1, 2, 2])?);
/// let text = image_grid(&[(&black, "0"), (&white, "1")], 80, Paint::Plain);
/// assert_eq!(text, "0   1\n    ██\n");
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn image_grid(images: &[(&Bitmap, &str)], width: usize, paint: Paint) -> String {
    let cells: Vec<(Bitmap, String)> = images
        .iter()
        .map(|(image, title)| (image.thumbnail(WIDEST as u32), cut(&printable(title))))
        .collect();
    let widths = cells.iter().map(|(image, title)| image.width().max(title.chars().count()));
    let cell = widths.max().unwrap_or_default();
    let columns = ((width + GAP.len()) / (cell + GAP.len())).max(1);
    let mut text = String::new();
    for row in cells.chunks(columns) {
        push_line(&mut text, row.iter().map(|(_, title)| format!("{title:<cell$}")));
        let drawn: Vec<Vec<String>> = row.iter().map(|(image, _)| lines(image, paint)).collect();
        for line in 0..drawn.iter().map(Vec::len).max().unwrap_or_default() {
            let parts = drawn.iter().zip(row).map(|(drawn, (image, _))| {
                // Control codes have no width: the padding follows from the number of pixels.
                let (part, used) = match drawn.get(line) {
                    Some(part) => (part.as_str(), image.width()),
                    None => ("", 0),
                };
                format!("{part}{:1$}", "", cell - used)
            });
            push_line(&mut text, parts);
        }
    }
    text
}

fn cut(title: &str) -> String {
    match title.char_indices().nth(WIDEST) {
        Some(_) => title.chars().take(WIDEST - 1).chain(['…']).collect(),
        None => title.to_owned(),
    }
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
    text.push('\n');
}

/// Formats a curve as one line. NaN and infinite values are left blank.
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

fn lines(image: &Bitmap, paint: Paint) -> Vec<String> {
    let character = |x: usize, y: usize| {
        let above = image.rgb(x, y);
        // If the number of rows is odd, the last one is drawn twice as high.
        let below = if y + 1 < image.height() { image.rgb(x, y + 1) } else { above };
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

/// Returns the perceived brightness of a colour, from 0 to 255 (ITU-R BT.601).
fn brightness([red, green, blue]: [u8; 3]) -> f64 {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
}
