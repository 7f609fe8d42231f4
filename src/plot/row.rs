//! Charts side by side.

use super::canvas::{GAP, draw, fine, pixels};
use super::chart::Chart;
use super::figure::Figure;
use super::legend::{draw_legend, legend_height};
use crate::error::{Error, Result};

/// A chart beside others, in pixels.
const IN_ROW: (u32, u32) = (320, 300);

impl Chart {
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

    /// Charts of the same series side by side, under one legend, which makes the picture as much
    /// higher as it needs.
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
