//! One line, or one cloud of points, of a chart.

use plotters::prelude::*;

use super::canvas::rgb;

/// Points of one name, and how they look.
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
    /// A thin, pale line in the colour of the series before it.
    Faint,
    Points,
}

impl Series {
    pub fn colour(&self) -> RGBColor {
        rgb(self.colour)
    }
}
