//! Lines and points over two axes.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figure::Figure;
use super::style::{self, FONT, GRID, INK};
use super::text::printable;
use crate::error::{Error, Result};

/// The drawing library knows whole pixels only, so that each pixel of a picture is this many of
/// its: a curve would have steps.
const FINE: u32 = 8;
/// A chart alone, and one beside others, in pixels.
const ALONE: (u32, u32) = (640, 400);
const IN_ROW: (u32, u32) = (320, 300);
/// The room for the numbers and the name of the horizontal axis.
const BELOW: u32 = fine(44);
const TITLE: u32 = fine(style::TITLE);
const LABEL: u32 = fine(style::LABEL);
const GAP: u32 = fine(style::GAP);
/// The room for the names of the series.
const LEGEND_HEIGHT: i32 = (LABEL + fine(10)) as i32;
/// A sample of a series, and where its name begins behind it.
const SAMPLE: i32 = fine(18) as i32;
const BEFORE_NAME: i32 = SAMPLE + fine(6) as i32;
/// A dot's radius, and a line's width.
const DOT: u32 = fine(4);
const LINE: u32 = fine(2);
const THIN: u32 = fine(1);
/// About how many numbers an axis has.
const TICKS: usize = 6;

const fn fine(pixels: u32) -> u32 {
    pixels * FINE
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Lines and points over two named axes.
///
/// ```
/// use fastburn::plot::Chart;
///
/// let measured = [(0.0, 1.1), (1.0, 2.9), (2.0, 5.2)];
/// let fitted = [(0.0, 1.0), (2.0, 5.0)];
/// let chart = Chart::new("a line through three points")
///     .axes("time (s)", "way (m)")
///     .points("measured", measured)
///     .line("fitted", fitted);
/// assert!(chart.draw()?.svg().contains("fitted"));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chart {
    title: String,
    x_name: String,
    y_name: String,
    y_at_least: Vec<f64>,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    look: Look,
    colour: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Line,
    /// A line with a dot at each point.
    Marked,
    /// A thin, pale line in the colour of the series before it.
    Faint,
    Points,
}

impl Series {
    fn colour(&self) -> RGBColor {
        rgb(style::SERIES[self.colour % style::SERIES.len()])
    }

    /// A short piece of the series, from `left` on, at a height.
    fn draw_sample(&self, area: &Area<'_>, (left, middle): (i32, i32)) -> Result<(), Trouble> {
        let colour = self.colour();
        if self.look != Look::Points {
            let line = vec![(left, middle), (left + SAMPLE, middle)];
            area.draw(&PathElement::new(line, colour.stroke_width(LINE)))?;
        }
        if self.look != Look::Line {
            area.draw(&Circle::new((left + SAMPLE / 2, middle), DOT, colour.filled()))?;
        }
        Ok(())
    }
}

impl Chart {
    /// An empty chart under a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_name: String::new(),
            y_name: String::new(),
            y_at_least: Vec::new(),
            series: Vec::new(),
        }
    }

    /// The axes' names, with units.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        (self.x_name, self.y_name) = (x.into(), y.into());
        self
    }

    /// Shows at least these heights, so that charts side by side have one scale.
    pub fn y_at_least(mut self, range: Range<f64>) -> Self {
        self.y_at_least = vec![range.start, range.end];
        self
    }

    /// A line through `(x, y)` points in a colour of its own; an empty name is not listed. Points
    /// that are not finite, or beyond ±1e30, interrupt it.
    pub fn line(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Look::Line)
    }

    /// As [`line`](Self::line), with a dot at each point: for few of them.
    pub fn marked_line(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Look::Marked)
    }

    /// A pale line in the colour of the series before it: the raw values behind a smooth curve,
    /// or one more run.
    pub fn faint_line(self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(String::new(), points, Look::Faint)
    }

    /// Dots at `(x, y)` in a colour of their own; an empty name is not listed.
    pub fn points(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Look::Points)
    }

    /// The chart as a picture.
    ///
    /// # Errors
    ///
    /// [`Error::Plot`] if the drawing library refuses it.
    pub fn draw(&self) -> Result<Figure> {
        draw(ALONE, |area| self.draw_in(area))
    }

    /// Charts side by side.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is none, [`Error::Plot`] if the drawing library refuses one.
    pub fn row(charts: &[Self]) -> Result<Figure> {
        if charts.is_empty() {
            return Err(Error::setting("the number of charts", 0, "it must be at least 1"));
        }
        draw((IN_ROW.0 * charts.len() as u32, IN_ROW.1), |area| {
            let areas = area.split_evenly((1, charts.len()));
            charts.iter().zip(&areas).try_for_each(|(chart, area)| chart.draw_in(area))
        })
    }

    fn with(
        mut self,
        name: String,
        points: impl IntoIterator<Item = (f64, f64)>,
        look: Look,
    ) -> Self {
        let taken = self.series.iter().filter(|series| series.look != Look::Faint).count();
        let colour = if look == Look::Faint { taken.saturating_sub(1) } else { taken };
        let points = points.into_iter().collect();
        self.series.push(Series { name, points, look, colour });
        self
    }

    fn draw_in(&self, area: &Area<'_>) -> Result<(), Trouble> {
        let ink = rgb(INK);
        let font = |size: u32| (FONT, size).into_font().color(&ink);
        let (width, _) = area.dim_in_pixel();
        let mut below_title = GAP as i32;
        if !self.title.is_empty() {
            let title = style::fitted(&printable(&self.title), TITLE, width - GAP);
            let middle = font(TITLE).pos(Pos::new(HPos::Center, VPos::Top));
            area.draw(&Text::new(title, (width as i32 / 2, below_title), middle))?;
            below_title += (TITLE + fine(8)) as i32;
        }
        below_title += self.draw_legend(area, below_title)?;

        let (_, inner) = area.split_vertically(below_title);
        let (x_range, y_range) = self.ranges();
        let widest = |range: &Range<f64>| {
            let ends =
                [range.start, range.end].map(|end| style::width_of(&tick(end, range), LABEL));
            ends[0].max(ends[1])
        };
        let left = widest(&y_range) + LABEL + fine(20);
        // A number stands below the middle of its tick, also of the last one.
        let right = widest(&x_range) / 2 + GAP;
        let x_room = width.saturating_sub(left + right) / (widest(&x_range) + GAP);
        let (_, height) = inner.dim_in_pixel();
        let name = |name: &str, room: u32| style::fitted(&printable(name), LABEL, room);
        let mut chart = ChartBuilder::on(&inner)
            .margin(GAP / 2)
            .margin_right(right)
            .x_label_area_size(BELOW)
            .y_label_area_size(left)
            .build_cartesian_2d(x_range.clone(), y_range.clone())?;
        chart
            .configure_mesh()
            .x_desc(name(&self.x_name, width.saturating_sub(left)))
            .y_desc(name(&self.y_name, height.saturating_sub(BELOW)))
            .axis_desc_style(font(LABEL))
            .label_style(font(LABEL))
            .x_labels(TICKS.min(x_room as usize).max(2))
            .y_labels(TICKS)
            .max_light_lines(0)
            .bold_line_style(rgb(GRID).stroke_width(THIN))
            .axis_style(ink.stroke_width(THIN))
            .set_all_tick_mark_size(fine(5))
            .x_label_formatter(&|x| tick(*x, &x_range))
            .y_label_formatter(&|y| tick(*y, &y_range))
            .draw()?;
        for series in &self.series {
            let colour = series.colour();
            let seen = |point: &(f64, f64)| can_be_seen(point.0) && can_be_seen(point.1);
            if series.look != Look::Points {
                let line = match series.look {
                    Look::Faint => colour.mix(0.3).stroke_width(THIN),
                    _ => colour.stroke_width(LINE),
                };
                for part in series.points.split(|point| !seen(point)) {
                    chart.draw_series(LineSeries::new(part.iter().copied(), line))?;
                }
            }
            if matches!(series.look, Look::Points | Look::Marked) {
                let points = series.points.iter().copied().filter(seen);
                chart.draw_series(points.map(|point| Circle::new(point, DOT, colour.filled())))?;
            }
        }
        Ok(())
    }

    /// The series' names, each behind a sample of how it looks, in as many lines as they need;
    /// gives their height.
    fn draw_legend(&self, area: &Area<'_>, top: i32) -> Result<i32, Trouble> {
        const GAP: i32 = self::GAP as i32;
        let width = area.dim_in_pixel().0 as i32;
        let room = width - 2 * GAP;
        let mut lines: Vec<LegendLine<'_>> = Vec::new();
        for series in self.series.iter().filter(|series| !series.name.is_empty()) {
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
        let mut middle = top + LEGEND_HEIGHT / 2;
        for line in &lines {
            let left = (width - line.width) / 2;
            for (series, name, offset) in &line.entries {
                let sample = (left + offset, middle);
                series.draw_sample(area, sample)?;
                let text = (FONT, LABEL).into_font().color(&rgb(INK));
                let text = text.pos(Pos::new(HPos::Left, VPos::Center));
                area.draw(&Text::new(name.clone(), (sample.0 + BEFORE_NAME, middle), text))?;
            }
            middle += LEGEND_HEIGHT;
        }
        Ok(lines.len() as i32 * LEGEND_HEIGHT)
    }

    /// What the axes must span so that everything is seen.
    fn ranges(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        // A dot at an end of the axis would be cut in half.
        let dots = self.series.iter().any(|s| matches!(s.look, Look::Points | Look::Marked));
        let x = span(points().map(|point| point.0), if dots { 0.03 } else { 0.0 });
        let heights = points().map(|point| point.1).chain(self.y_at_least.iter().copied());
        let y = span(heights, 0.05);
        (x, y)
    }
}

/// Entries of a legend that stand side by side.
struct LegendLine<'a> {
    /// Each with its name as far as it fits, and how far from the line's left end it begins.
    entries: Vec<(&'a Series, String, i32)>,
    width: i32,
}

/// What goes wrong while something is drawn.
type Trouble = DrawingAreaErrorKind<std::io::Error>;

fn draw(
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

/// Whether a value has a place on an axis; the drawing library divides one of 1e300 without end.
fn can_be_seen(value: f64) -> bool {
    value.abs() <= 1e30
}

/// From the least to the largest value, with a margin; never empty.
fn span(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (least, most) = values
        .filter(|&value| can_be_seen(value))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
    if least > most {
        return 0.0..1.0;
    }
    let range = most - least;
    // Too little for its digits is nothing as well.
    if range <= least.abs().max(most.abs()) * 1e-9 {
        let room = if least == 0.0 { 1.0 } else { least.abs() / 2.0 };
        return least - room..most + room;
    }
    least - margin * range..most + margin * range
}

/// A number at an axis, with as many digits as tell neighbours apart, and in powers of ten where
/// those would be too many.
fn tick(value: f64, range: &Range<f64>) -> String {
    let step = (range.end - range.start) / TICKS as f64;
    let largest = range.start.abs().max(range.end.abs());
    if value.abs() < step / 100.0 {
        return "0".to_owned();
    }
    if (1e-2..1e5).contains(&largest) {
        let digits = (-step.log10().floor()).max(0.0) as usize;
        return format!("{value:.digits$}");
    }
    let digits = (largest.log10().floor() - step.log10().floor()).max(0.0) as usize;
    format!("{value:.digits$e}")
}

fn rgb([red, green, blue]: [u8; 3]) -> RGBColor {
    RGBColor(red, green, blue)
}
