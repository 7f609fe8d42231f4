//! The names of a chart's series, above it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, DOT, GAP, LABEL, LINE, Trouble, fine, rgb};
use super::series::{Look, Series};
use super::style::{self, FONT, INK};
use super::text::printable;

/// The room for the names of the series.
const LEGEND_HEIGHT: i32 = (LABEL + fine(10)) as i32;
/// A sample of a series, and where its name begins behind it.
const SAMPLE: i32 = fine(18) as i32;
const BEFORE_NAME: i32 = SAMPLE + fine(6) as i32;

/// Entries of a legend that stand side by side.
struct LegendLine<'a> {
    /// Each with its name as far as it fits, and how far from the line's left end it begins.
    entries: Vec<(&'a Series, String, i32)>,
    width: i32,
}

/// How high a legend is on an area of that width.
pub fn legend_height(series: &[Series], width: u32) -> u32 {
    lines(series, width as i32).len() as u32 * LEGEND_HEIGHT as u32
}

/// The series' names, each behind a sample of how it looks, in as many lines as they need;
/// gives their height.
pub fn draw_legend(series: &[Series], area: &Area<'_>, top: i32) -> Result<i32, Trouble> {
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

/// The names that are listed, as many side by side as fit.
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

/// A short piece of the series, from `left` on, at a height.
fn draw_sample(
    series: &Series,
    area: &Area<'_>,
    (left, middle): (i32, i32),
) -> Result<(), Trouble> {
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
