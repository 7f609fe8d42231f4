//! The canvas of a chart, finer than the picture's pixels, and the legend of its series.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figure::Figure;
use super::style::{self, FONT, INK};
use crate::error::{Error, Result};
use crate::printable::printable;

/// The number of the drawing library's pixels per pixel of the picture, in each direction. The
/// library rounds to whole pixels, which would make steps in a curve.
const FINE: u32 = 8;
pub const TITLE: u32 = fine(style::TITLE);
pub const LABEL: u32 = fine(style::LABEL);
pub const GAP: u32 = fine(style::GAP);
/// A dot's radius, and a line's width.
pub const DOT: u32 = fine(4);
pub const LINE: u32 = fine(2);
pub const THIN: u32 = fine(1);

pub const fn fine(pixels: u32) -> u32 {
    pixels * FINE
}

/// Converts the drawing library's pixels to pixels of the picture, rounding up.
pub const fn pixels(fine: u32) -> u32 {
    fine.div_ceil(FINE)
}

/// The area that a chart is drawn on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// An error of the drawing library.
pub type DrawingError = DrawingAreaErrorKind<std::io::Error>;

/// Draws the content on a figure of the given size in pixels.
pub fn draw(
    (width, height): (u32, u32),
    content: impl FnOnce(&Area<'_>) -> Result<(), DrawingError>,
) -> Result<Figure> {
    let fine_size = (fine(width), fine(height));
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, fine_size).into_drawing_area();
    area.fill(&rgb(style::PAPER))
        .and_then(|()| content(&area))
        .and_then(|()| area.present())
        .map_err(|error| Error::plot("a chart", error))?;
    drop(area);
    let size = |(width, height)| format!(r#"<svg width="{width}" height="{height}""#);
    Ok(Figure::new(svg.replacen(&size(fine_size), &size((width, height)), 1)))
}

pub fn rgb([red, green, blue]: [u8; 3]) -> RGBColor {
    RGBColor(red, green, blue)
}

/// A named series of points, and its look.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub look: Look,
    pub colour: [u8; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Line,
    /// A line with a dot at each point.
    Marked,
    /// A thin, pale line in the colour of the previous series.
    Faint,
    Points,
}

impl Series {
    pub fn colour(&self) -> RGBColor {
        rgb(self.colour)
    }
}

/// The height of one line of a legend.
const LEGEND_HEIGHT: i32 = (LABEL + fine(10)) as i32;
/// The length of a series' sample, and the distance from its start to the name after it.
const SAMPLE: i32 = fine(18) as i32;
const BEFORE_NAME: i32 = SAMPLE + fine(6) as i32;

/// The entries of one line of a legend.
struct LegendLine<'a> {
    /// Each series with its name, cut to fit, and its distance from the left end of the line.
    entries: Vec<(&'a Series, String, i32)>,
    width: i32,
}

/// Returns the height of a legend on an area of the given width.
pub fn legend_height(series: &[Series], width: u32) -> u32 {
    lines(series, width as i32).len() as u32 * LEGEND_HEIGHT as u32
}

/// Draws the series' names, each after a sample of its look, on as many lines as they need. Returns
/// the height of these lines.
pub fn draw_legend(series: &[Series], area: &Area<'_>, top: i32) -> Result<i32, DrawingError> {
    let width = area.dim_in_pixel().0 as i32;
    let lines = lines(series, width);
    let mut middle = top + LEGEND_HEIGHT / 2;
    for line in &lines {
        let left = (width - line.width) / 2;
        for (series, name, offset) in &line.entries {
            let sample = (left + offset, middle);
            draw_sample(series, area, sample)?;
            let text = (FONT, LABEL).into_font().color(&rgb(INK));
            let text = text.pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(name.clone(), (sample.0 + BEFORE_NAME, middle), text))?;
        }
        middle += LEGEND_HEIGHT;
    }
    Ok(lines.len() as i32 * LEGEND_HEIGHT)
}

/// Lays out the non-empty names, as many on a line as fit.
fn lines(series: &[Series], width: i32) -> Vec<LegendLine<'_>> {
    const GAP: i32 = self::GAP as i32;
    let room = width - 2 * GAP;
    let mut lines: Vec<LegendLine<'_>> = Vec::new();
    for series in series.iter().filter(|series| !series.name.is_empty()) {
        let name_room = (room - BEFORE_NAME).max(0) as u32;
        let name = style::fitted(&printable(&series.name), LABEL, name_room);
        let needed = BEFORE_NAME + style::width_of(&name, LABEL) as i32;
        match lines.last_mut().filter(|line| line.width + GAP + needed <= room) {
            Some(line) => {
                line.entries.push((series, name, line.width + GAP));
                line.width += GAP + needed;
            }
            None => {
                lines.push(LegendLine { entries: vec![(series, name, 0)], width: needed });
            }
        }
    }
    lines
}

/// Draws a short sample of the series, with its left end at the given point.
fn draw_sample(
    series: &Series,
    area: &Area<'_>,
    (left, middle): (i32, i32),
) -> Result<(), DrawingError> {
    let colour = series.colour();
    if series.look != Look::Points {
        let line = vec![(left, middle), (left + SAMPLE, middle)];
        area.draw(&PathElement::new(line, colour.stroke_width(LINE)))?;
    }
    if series.look != Look::Line {
        area.draw(&Circle::new((left + SAMPLE / 2, middle), DOT, colour.filled()))?;
    }
    Ok(())
}
