//! Plots: curves, images and heat maps as SVG and PNG, and small ones as text.
//!
//! Each plot is a [`Figure`], which can be saved. [`text`] draws in a terminal. Plots are made from
//! plain values, such as a [`History`](crate::records::History), or from
//! [`Bitmap`](crate::vision::Bitmap)s: models are not evaluated here.

mod axis;
mod canvas;
mod chart;
mod explanation;
mod figure;
mod heat_map;
mod images;
mod interpretation;
mod style;
pub mod text;
mod training;

pub use chart::Chart;
pub use explanation::{heat_overlay, plot_explanation};
pub use figure::Figure;
pub use heat_map::HeatMap;
pub use images::{image_grid, show_batch, show_image};
pub use interpretation::{
    Cells, confusion_matrix, confusion_matrix_of, plot_confusion_matrix, plot_top_losses,
};
pub use training::{plot_activation_stats, plot_loss, plot_lr_find, plot_schedule};
