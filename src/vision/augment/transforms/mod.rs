//! The built-in transforms, and their names.

mod chance;
mod erase;
mod flip;
mod hue;
mod light;
mod named;
mod one_of_many;
mod rotate;
mod shift;
mod warp;
mod zoom;

pub use erase::Erase;
pub use flip::{Dihedral, Flip};
pub use hue::Hue;
pub use light::{Brightness, Contrast, Saturation};
pub(super) use named::{NAMES, named};
pub use one_of_many::{RandAugment, TrivialAugment};
pub use rotate::Rotate;
pub use shift::Shift;
pub use warp::Warp;
pub use zoom::Zoom;
