//! The built-in transforms by name.

use std::sync::Arc;

use super::erase::Erase;
use super::flip::{Dihedral, Flip};
use super::hue::Hue;
use super::light::{Brightness, Contrast, Saturation};
use super::one_of_many::{RandAugment, TrivialAugment};
use super::rotate::Rotate;
use super::shift::Shift;
use super::warp::Warp;
use super::zoom::Zoom;
use crate::vision::augment::transform::Transform;

/// The names of the built-in transforms, each with its setting.
pub(in crate::vision::augment) const NAMES: [&str; 13] = [
    "flip",
    "dihedral",
    "rotate=DEGREES up to 180",
    "zoom=FACTOR or LEAST..MOST from 0.1 to 10",
    "warp=MAGNITUDE up to 0.35",
    "shift=SHARE up to 1",
    "brightness=SHARE below 1",
    "contrast=SHARE below 1",
    "saturation=SHARE below 1",
    "hue=SHARE below 1",
    "erase=AREA up to 1",
    "randaugment=MAGNITUDE from 0 to 30",
    "trivialaugment",
];

/// Returns a transform by its name, the one or two numbers of its setting, and its probability, if
/// it is not the usual one. Returns `None` if there is none, or its numbers are out of range.
pub(in crate::vision::augment) fn named(
    name: &str,
    numbers: &[f64],
    probability: Option<f64>,
) -> Option<Arc<dyn Transform>> {
    macro_rules! with {
        ($transform:expr) => {{
            let transform = $transform;
            let transform = probability.map_or(transform, |p| transform.p(p));
            let transform: Arc<dyn Transform> = Arc::new(transform);
            Some(transform)
        }};
    }
    let is_share = |share: f64| (0.0..1.0).contains(&share);
    let is_factor = |factor: f64| (0.1..=10.0).contains(&factor);
    let whole_magnitude = |magnitude: f64| {
        let whole = (0.0..=30.0).contains(&magnitude) && magnitude.fract() == 0.0;
        whole.then_some(magnitude as usize)
    };
    match (name, numbers) {
        ("flip", []) => with!(Flip::new()),
        ("dihedral", []) => with!(Dihedral::new()),
        ("rotate", &[degrees]) if (0.0..=180.0).contains(&degrees) => with!(Rotate::new(degrees)),
        ("zoom", &[factor]) if is_factor(factor) => {
            with!(Zoom::new(factor.min(1.0), factor.max(1.0)))
        }
        ("zoom", &[least, most]) if is_factor(least) && is_factor(most) => {
            with!(Zoom::new(least, most))
        }
        ("warp", &[magnitude]) if (0.0..=0.35).contains(&magnitude) => with!(Warp::new(magnitude)),
        ("shift", &[share]) if (0.0..=1.0).contains(&share) => with!(Shift::new(share)),
        ("brightness", &[share]) if is_share(share) => with!(Brightness::new(share)),
        ("contrast", &[share]) if is_share(share) => with!(Contrast::new(share)),
        ("saturation", &[share]) if is_share(share) => with!(Saturation::new(share)),
        ("hue", &[share]) if is_share(share) => with!(Hue::new(share)),
        ("erase", &[area]) if (0.0..=1.0).contains(&area) => with!(Erase::new(area)),
        ("randaugment", &[magnitude]) if probability.is_none() => {
            Some(Arc::new(RandAugment::new(whole_magnitude(magnitude)?)))
        }
        ("trivialaugment", []) if probability.is_none() => Some(Arc::new(TrivialAugment)),
        _ => None,
    }
}
