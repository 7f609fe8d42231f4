//! Pictures: curves, images and heat maps as SVG and PNG, and small ones as text.
//!
//! Each drawing is a [`Figure`], which knows how to save itself; [`text`] draws on a terminal.
//! They are made of plain values, such as a [`History`](crate::History), or of
//! [`Bitmap`](crate::data::Bitmap)s, so that nothing here computes.

mod activation_stats;
mod axis;
mod canvas;
mod chart;
mod confusion;
mod figure;
mod heat_map;
mod images;
mod legend;
mod loss;
mod lr_find;
mod row;
mod schedule;
mod series;
mod style;
pub mod text;
mod top_losses;

pub use activation_stats::plot_activation_stats;
pub use chart::Chart;
pub use confusion::{Cells, confusion_matrix, plot_confusion_matrix};
pub use figure::Figure;
pub use heat_map::HeatMap;
pub use images::{image_grid, show_batch, show_image};
pub use loss::plot_loss;
pub use lr_find::plot_lr_find;
pub use schedule::plot_schedule;
pub use top_losses::plot_top_losses;
