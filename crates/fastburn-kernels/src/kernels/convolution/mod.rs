//! 2-d convolution of channels-last images, and matrix products, which are convolutions too.

mod blocks;
mod forward;
mod geometry;
mod input_gradient;
mod matrix;
mod product;
mod strips;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod windows;
mod winograd;

pub(crate) use forward::{forward, is_filtered, prepare};
pub(crate) use geometry::Geometry;
pub(crate) use input_gradient::input_gradient;
pub(crate) use matrix::{fits, matrix_input_gradient, matrix_product};
pub(crate) use weight_gradient::{matrix_gradient, weight_gradient};
