//! 2-d convolution of channels-last images.

mod blocks;
mod forward;
mod geometry;
mod input_gradient;
mod product;
mod strips;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod windows;

pub(crate) use forward::forward;
pub(crate) use geometry::Geometry;
pub(crate) use input_gradient::input_gradient;
pub(crate) use weight_gradient::weight_gradient;
