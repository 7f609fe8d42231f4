//! Heat maps: tables of numbers that are shaded by value.

use std::collections::BTreeMap;

use svg::Document;
use svg::node::element::{Group, Path, Rectangle, Text};

use super::figure::Figure;
use super::style::{self, FONT, GAP, INK, LABEL, PAPER, TITLE};
use super::text::Paint;
use crate::error::{Error, Result};
use crate::printable::printable;

/// The height of a cell, and the total margin beside its number, in pixels.
const CELL_HEIGHT: u32 = 24;
const CELL_MARGIN: u32 = 10;
/// The largest number of rows or columns with readable numbers and labels. Of larger maps only the
/// shades are drawn, in about `SHADES_ONLY` pixels.
const MOST_READABLE: usize = 100;
const SHADES_ONLY: u32 = 1_600;
/// The colour of the largest number; that of the smallest is white.
const DARKEST: [u8; 3] = [8, 48, 107];
/// The shade from which numbers are written in white.
const WHITE_FROM: f64 = 0.42;

/// A table of numbers in cells that are darker for larger numbers.
///
/// With more than 100 rows or columns, only the shades are drawn, without numbers and labels.
///
/// ```
/// use fastburn::plot::HeatMap;
///
/// let map = HeatMap::new(vec![vec![0.0, 128.0], vec![255.0, 7.0]])?
///     .title("four pixels")
///     .rows("row", [4, 5])
///     .columns("column", [10, 11]);
/// assert!(map.draw().svg().contains("128"));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HeatMap {
    values: Vec<Vec<f64>>,
    title: String,
    row_name: String,
    row_labels: Vec<String>,
    column_name: String,
    column_labels: Vec<String>,
    /// The number of decimals; `None` for as many as each number needs.
    digits: Option<usize>,
}

impl HeatMap {
    /// Creates a heat map of these rows. Rows and columns are numbered from 0, unless
    /// [`rows`](Self::rows) and [`columns`](Self::columns) set labels.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are no numbers, or the rows differ in length.
    pub fn new(values: Vec<Vec<f64>>) -> Result<Self> {
        let columns = values.first().map_or(0, Vec::len);
        if columns == 0 || values.iter().any(|row| row.len() != columns) {
            let lengths = values.iter().map(Vec::len).collect::<Vec<_>>();
            return Err(Error::setting(
                "heat map row lengths",
                format!("{lengths:?}"),
                "rows of equal length, at least 1",
            ));
        }
        Ok(Self {
            title: String::new(),
            row_name: "row".to_owned(),
            row_labels: (0..values.len()).map(|row| row.to_string()).collect(),
            column_name: "column".to_owned(),
            column_labels: (0..columns).map(|column| column.to_string()).collect(),
            digits: None,
            values,
        })
    }

    /// Sets the title above the table.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the name of the rows' axis and the label of each row. Missing labels are blank.
    pub fn rows(
        mut self,
        name: impl Into<String>,
        labels: impl IntoIterator<Item = impl ToString>,
    ) -> Self {
        self.row_name = name.into();
        self.row_labels = labels.into_iter().map(|label| label.to_string()).collect();
        self
    }

    /// Sets the name of the columns' axis and the label of each column. Missing labels are blank.
    pub fn columns(
        mut self,
        name: impl Into<String>,
        labels: impl IntoIterator<Item = impl ToString>,
    ) -> Self {
        self.column_name = name.into();
        self.column_labels = labels.into_iter().map(|label| label.to_string()).collect();
        self
    }

    /// Sets the number of decimals of all numbers, such as 2 for proportions.
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = Some(digits);
        self
    }

    /// Draws the heat map.
    pub fn draw(&self) -> Figure {
        let (row_count, column_count) = (self.values.len(), self.values[0].len());
        let readable = row_count.max(column_count) <= MOST_READABLE;
        let (rows, columns) = (row_count as u32, column_count as u32);
        let numbers: Vec<Vec<String>> = if readable {
            self.values.iter().map(|row| self.numbers(row)).collect()
        } else {
            Vec::new()
        };
        let row_labels = if readable { self.row_labels.as_slice() } else { &[] };
        let column_labels = if readable { self.column_labels.as_slice() } else { &[] };
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| style::width_of(text, LABEL)).max().unwrap_or_default()
        };
        let numbers_width = widest(&mut numbers.iter().flatten());
        let labels_width = widest(&mut column_labels.iter());
        // Long labels are rotated: the cells need only be as wide as their numbers.
        let upright = labels_width > 2 * numbers_width.max(LABEL);
        let (least_width, labels_height) =
            if upright { (LABEL, labels_width) } else { (labels_width, LABEL) };
        let (cell_width, cell_height) = if readable {
            (numbers_width.max(least_width) + CELL_MARGIN, CELL_HEIGHT)
        } else {
            let side = (SHADES_ONLY / rows.max(columns)).max(1);
            (side, side)
        };
        let left = 2 * GAP + LABEL + widest(&mut row_labels.iter()) + 6;
        let title_height = if self.title.is_empty() { 0 } else { TITLE + GAP };
        let top = GAP + title_height + LABEL + 8 + labels_height + 8;
        // The names of the axes must fit too.
        let inner_width = (columns * cell_width).max(style::width_of(&self.column_name, LABEL));
        let inner_height = (rows * cell_height).max(style::width_of(&self.row_name, LABEL));
        let title_width = style::width_of(&self.title, TITLE);
        let width = (left + inner_width + GAP).max(title_width + 2 * GAP);
        let height = top + inner_height + GAP;

        let text = |text: &str, x: u32, y: u32, anchor: &str| {
            let text = Text::new(printable(text)).set("x", x).set("y", y);
            text.set("text-anchor", anchor).set("font-size", LABEL).set("fill", style::hex(INK))
        };
        let paper = Rectangle::new().set("width", width).set("height", height);
        let mut drawing = Group::new().set("font-family", FONT);
        drawing = drawing.add(paper.set("fill", style::hex(PAPER)));
        if !self.title.is_empty() {
            let title = text(&self.title, width / 2, GAP + TITLE, "middle");
            drawing = drawing.add(title.set("font-size", TITLE));
        }
        let above = GAP + title_height + LABEL;
        drawing = drawing.add(text(&self.column_name, left + inner_width / 2, above, "middle"));
        let (x, y) = (GAP + LABEL, top + inner_height / 2);
        let rotated = text(&self.row_name, x, y, "middle");
        drawing = drawing.add(rotated.set("transform", format!("rotate(-90 {x} {y})")));
        for (label, column) in column_labels.iter().zip(0..columns) {
            let middle = left + column * cell_width + cell_width / 2;
            drawing = drawing.add(if upright {
                let (x, y) = (middle + LABEL / 3, top - 6);
                text(label, x, y, "start").set("transform", format!("rotate(-90 {x} {y})"))
            } else {
                text(label, middle, top - 6, "middle")
            });
        }
        for (label, row) in row_labels.iter().zip(0..rows) {
            let line = top + row * CELL_HEIGHT + baseline();
            drawing = drawing.add(text(label, left - 6, line, "end"));
        }
        for (colour, outline) in self.outlines([left, top], [cell_width, cell_height]) {
            let cells = Path::new().set("d", outline).set("fill", style::hex(colour));
            drawing = drawing.add(cells.set("shape-rendering", "crispEdges"));
        }
        let shade = self.shading();
        for ((row, texts), y) in self.values.iter().zip(&numbers).zip(0..) {
            for ((&value, number), x) in row.iter().zip(texts).zip(0..) {
                let middle = left + x * cell_width + cell_width / 2;
                let line = top + y * CELL_HEIGHT + baseline();
                let (_, ink) = colours(shade(value));
                let number = text(number, middle, line, "middle");
                drawing = drawing.add(number.set("fill", style::hex(ink)));
            }
        }
        let document = Document::new().set("width", width).set("height", height);
        Figure::new(document.set("viewBox", (0, 0, width, height)).add(drawing).to_string())
    }

    /// Returns the cells of each colour as one SVG path: one element per cell could be millions.
    /// Adjacent cells in a row make one rectangle, and cells in the paper's colour need none.
    fn outlines(&self, [left, top]: [u32; 2], [width, height]: [u32; 2]) -> Outlines {
        let shade = self.shading();
        let mut outlines = Outlines::new();
        for (row, y) in self.values.iter().zip(0..) {
            let colours: Vec<[u8; 3]> = row.iter().map(|&value| colours(shade(value)).0).collect();
            let mut x = 0;
            for run in colours.chunk_by(|a, b| a == b) {
                let cells = run.len() as u32;
                if run[0] != PAPER {
                    let (left, top, width) = (left + x * width, top + y * height, cells * width);
                    let rectangle = format!("M{left} {top}h{width}v{height}h-{width}z");
                    outlines.entry(run[0]).or_default().push_str(&rectangle);
                }
                x += cells;
            }
        }
        outlines
    }

    /// Formats the heat map as lines of text.
    pub fn text(&self, paint: Paint) -> String {
        let numbers = self.values.iter().flatten().map(|&value| self.number(value));
        let rows: Vec<_> = self.row_labels.iter().map(|label| printable(label)).collect();
        let columns: Vec<_> = self.column_labels.iter().map(|label| printable(label)).collect();
        let width =
            numbers.chain(columns.clone()).map(|text| text.chars().count()).max().unwrap_or(0) + 1;
        let margin = rows.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let mut lines = format!("{:margin$} ", "");
        lines.extend(columns.iter().map(|label| format!("{label:>width$}")));
        lines.push('\n');
        let shade = self.shading();
        for (index, row) in self.values.iter().enumerate() {
            let label = rows.get(index).map_or("", String::as_str);
            lines.push_str(&format!("{label:>margin$} "));
            for &value in row {
                let (paper, ink) = colours(shade(value));
                let cell = format!("{:>width$}", self.number(value));
                lines.push_str(&paint.cell(&cell, ink, paper));
            }
            lines.push('\n');
        }
        lines
    }

    fn numbers(&self, row: &[f64]) -> Vec<String> {
        row.iter().map(|&value| self.number(value)).collect()
    }

    fn number(&self, value: f64) -> String {
        self.digits.map_or_else(|| number(value), |digits| format!("{value:.digits$}"))
    }

    /// Returns a function that maps the smallest number to 0 and the largest to 1.
    fn shading(&self) -> impl Fn(f64) -> f64 {
        let finite = || self.values.iter().flatten().copied().filter(|value| value.is_finite());
        let least = finite().fold(f64::INFINITY, f64::min);
        let most = finite().fold(f64::NEG_INFINITY, f64::max);
        move |value| {
            if most > least && value.is_finite() { (value - least) / (most - least) } else { 0.0 }
        }
    }
}

/// For each colour, the path around all of its cells.
type Outlines = BTreeMap<[u8; 3], String>;

/// Returns the distance from the top of a cell to the baseline of its number.
const fn baseline() -> u32 {
    CELL_HEIGHT / 2 + LABEL / 3
}

/// Returns the colours of a cell and of its number.
fn colours(shade: f64) -> ([u8; 3], [u8; 3]) {
    let mix = |channel: usize| {
        let (from, to) = (f64::from(PAPER[channel]), f64::from(DARKEST[channel]));
        (from + shade * (to - from)).round() as u8
    };
    ([mix(0), mix(1), mix(2)], if shade < WHITE_FROM { INK } else { PAPER })
}

/// Formats whole numbers without decimals, others with two, and very large and very small ones in
/// scientific notation.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && value.is_finite() && !(1e-2..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") }
}
