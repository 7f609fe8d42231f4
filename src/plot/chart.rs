//! Charts of lines and points, alone or side by side.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Scale, TICKS, can_be_seen};
use super::canvas::{
    Area, DOT, DrawingError, GAP, LABEL, LINE, THIN, TITLE, draw, fine, pixels, rgb,
};
use super::canvas::{Look, Series};
use super::canvas::{draw_legend, legend_height};
use super::figure::Figure;
use super::style::{self, FONT, GRID, INK};
use crate::error::{Error, Result};
use crate::printable::printable;

/// The size of a single chart in pixels.
const ALONE: (u32, u32) = (640, 400);
/// The height of the tick labels and the name of the horizontal axis.
const BELOW: u32 = fine(44);

/// A chart of lines and points on two named axes.
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
    x_scale: Scale,
    y_at_least: Vec<f64>,
    pub(super) series: Vec<Series>,
}

impl Chart {
    /// Creates an empty chart with a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_name: String::new(),
            y_name: String::new(),
            x_scale: Scale::Linear,
            y_at_least: Vec::new(),
            series: Vec::new(),
        }
    }

    /// Sets the names of the axes, with units.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        (self.x_name, self.y_name) = (x.into(), y.into());
        self
    }

    /// Makes the horizontal axis logarithmic. Points at 0 and below interrupt their line.
    ///
    /// ```
    /// use fastburn::plot::Chart;
    ///
    /// let points = [(1e-5, 2.3), (1e-3, 0.4), (1e-1, 3.9)];
    /// let chart = Chart::new("").axes("learning rate", "loss").log_x().line("", points);
    /// assert!(chart.draw()?.svg().contains("1e-5"));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn log_x(mut self) -> Self {
        self.x_scale = Scale::Log;
        self
    }

    /// Sets a range that the vertical axis includes, to give charts side by side the same scale.
    pub fn y_at_least(mut self, range: Range<f64>) -> Self {
        self.y_at_least = vec![range.start, range.end];
        self
    }

    /// Adds a line through `(x, y)` points in the next colour. An empty name is not listed in the
    /// legend. Points that are NaN, infinite or beyond ±1e30 interrupt the line.
    pub fn line(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Look::Line)
    }

    /// Adds a [`line`](Self::line) with a dot at each point, for a small number of points.
    pub fn marked_line(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Look::Marked)
    }

    /// Adds a pale line in the colour of the previous series: the raw values of a smoothed curve,
    /// or another run.
    pub fn faint_line(self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(String::new(), points, Look::Faint)
    }

    /// Adds dots at `(x, y)` in the next colour. An empty name is not listed in the legend.
    pub fn points(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Look::Points)
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`Error::Plot`](crate::Error::Plot) if the drawing library fails.
    pub fn draw(&self) -> Result<Figure> {
        draw(ALONE, |area| self.draw_in(area))
    }

    /// Adds a line in a given colour.
    pub(super) fn coloured_line(
        mut self,
        name: String,
        colour: [u8; 3],
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let points = points.into_iter().collect();
        self.series.push(Series { name, points, look: Look::Line, colour });
        self
    }

    fn with(
        mut self,
        name: String,
        points: impl IntoIterator<Item = (f64, f64)>,
        look: Look,
    ) -> Self {
        let taken = self.series.iter().filter(|series| series.look != Look::Faint).count();
        let colour = if look == Look::Faint { taken.saturating_sub(1) } else { taken };
        let colour = style::SERIES[colour % style::SERIES.len()];
        let points = points.into_iter().collect();
        self.series.push(Series { name, points, look, colour });
        self
    }

    pub(super) fn draw_in(&self, area: &Area<'_>) -> Result<(), DrawingError> {
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
        below_title += draw_legend(&self.series, area, below_title)?;

        let (_, inner) = area.split_vertically(below_title);
        let (x_range, y_range) = self.ranges();
        let (x_scale, y_scale) = (self.x_scale, Scale::Linear);
        let widest = |scale: Scale, range: &Range<f64>| {
            let ends = [range.start, range.end];
            let ends = ends.map(|end| style::width_of(&scale.tick(end, range), LABEL));
            ends[0].max(ends[1])
        };
        let left = widest(y_scale, &y_range) + LABEL + fine(20);
        // A label is centred below its tick, even at the end of the axis.
        let x_widest = widest(x_scale, &x_range);
        let right = x_widest / 2 + GAP;
        let x_room = width.saturating_sub(left + right) / (x_widest + GAP);
        let x_axis = x_scale.axis(&x_range, x_room.max(2) as usize);
        let y_axis = y_scale.axis(&y_range, TICKS);
        let (_, height) = inner.dim_in_pixel();
        let name = |name: &str, room: u32| style::fitted(&printable(name), LABEL, room);
        let mut chart = ChartBuilder::on(&inner)
            .margin(GAP / 2)
            .margin_right(right)
            .x_label_area_size(BELOW)
            .y_label_area_size(left)
            .build_cartesian_2d(x_axis, y_axis)?;
        chart
            .configure_mesh()
            .x_desc(name(&self.x_name, width.saturating_sub(left)))
            .y_desc(name(&self.y_name, height.saturating_sub(BELOW)))
            .axis_desc_style(font(LABEL))
            .label_style(font(LABEL))
            .max_light_lines(0)
            .bold_line_style(rgb(GRID).stroke_width(THIN))
            .axis_style(ink.stroke_width(THIN))
            .set_all_tick_mark_size(fine(5))
            .x_label_formatter(&|x| x_scale.tick(*x, &x_range))
            .y_label_formatter(&|y| y_scale.tick(*y, &y_range))
            .draw()?;
        for series in &self.series {
            let colour = series.colour();
            let visible = |point: &(f64, f64)| can_be_seen(point.0) && can_be_seen(point.1);
            let placed: Vec<(f64, f64)> =
                series.points.iter().map(|&(x, y)| (x_scale.place(x), y)).collect();
            if series.look != Look::Points {
                let line = match series.look {
                    Look::Faint => colour.mix(0.3).stroke_width(THIN),
                    _ => colour.stroke_width(LINE),
                };
                for part in placed.split(|point| !visible(point)) {
                    chart.draw_series(LineSeries::new(part.iter().copied(), line))?;
                }
            }
            if matches!(series.look, Look::Points | Look::Marked) {
                let points = placed.iter().copied().filter(visible);
                chart.draw_series(points.map(|point| Circle::new(point, DOT, colour.filled())))?;
            }
        }
        Ok(())
    }

    /// Returns the ranges of the axes that show everything.
    fn ranges(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        // Without a margin, a dot at the end of the axis would be cut in half.
        let dots = self.series.iter().any(|s| matches!(s.look, Look::Points | Look::Marked));
        let places = points().map(|point| self.x_scale.place(point.0));
        let x = self.x_scale.span(places, if dots { 0.03 } else { 0.0 });
        let heights = points().map(|point| point.1).chain(self.y_at_least.iter().copied());
        let y = Scale::Linear.span(heights, 0.05);
        (x, y)
    }
}

/// The size of a chart in a row, in pixels.
const IN_ROW: (u32, u32) = (320, 300);

impl Chart {
    /// Draws charts side by side.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are no charts, [`Error::Plot`] if the drawing library fails.
    pub fn row(charts: &[Self]) -> Result<Figure> {
        if charts.is_empty() {
            return Err(Error::setting("number of charts", 0, "at least 1"));
        }
        draw((IN_ROW.0 * charts.len() as u32, IN_ROW.1), |area| {
            let areas = area.split_evenly((1, charts.len()));
            charts.iter().zip(&areas).try_for_each(|(chart, area)| chart.draw_in(area))
        })
    }

    /// Draws charts of the same series side by side under one legend, which adds to the height.
    pub(super) fn row_of_one_legend<const N: usize>(charts: [Self; N]) -> Result<Figure> {
        let names = charts.first().map_or_else(Vec::new, |chart| chart.series.clone());
        let width = IN_ROW.0 * N as u32;
        let legend = GAP + legend_height(&names, fine(width));
        draw((width, IN_ROW.1 + pixels(legend)), |area| {
            draw_legend(&names, area, GAP as i32)?;
            let (_, below) = area.split_vertically(legend as i32);
            let areas = below.split_evenly((1, N));
            charts.into_iter().zip(&areas).try_for_each(|(mut chart, area)| {
                chart.series.iter_mut().for_each(|series| series.name.clear());
                chart.draw_in(area)
            })
        })
    }
}
