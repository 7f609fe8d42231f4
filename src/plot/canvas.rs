//! What charts are drawn on: finer than the picture's pixels.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::figure::Figure;
use super::style;
use crate::error::{Error, Result};

/// The drawing library knows whole pixels only, so that each pixel of a picture is this many of
/// its: a curve would have steps.
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

/// As many pixels of a picture as have room for that many of the drawing library's.
pub const fn pixels(fine: u32) -> u32 {
    fine.div_ceil(FINE)
}

/// What a chart is drawn on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What goes wrong while something is drawn.
pub type Trouble = DrawingAreaErrorKind<std::io::Error>;

/// A figure of that size in pixels, with the content drawn on it.
pub fn draw(
    (width, height): (u32, u32),
    content: impl FnOnce(&Area<'_>) -> Result<(), Trouble>,
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
