//! The class names of ImageNet-1k.

use std::sync::{Arc, LazyLock};

/// One name per line, as torchvision 0.29 has them in `torchvision.models._meta`.
const NAMES: &str = include_str!("../../assets/imagenet_classes.txt");

static CLASSES: LazyLock<Arc<[String]>> =
    LazyLock::new(|| NAMES.lines().map(str::to_owned).collect());

/// Returns the names of ImageNet's thousand classes, in the order of the outputs of models trained
/// on it.
///
/// They are torchvision's. No two are the same: the bird and the machine are `crane bird` and
/// `crane`, the two swimsuits `maillot` and `maillot tank suit`.
///
/// ```
/// let classes = fastburn::pretrained::imagenet_classes();
/// assert_eq!((classes.len(), classes[0].as_str()), (1000, "tench"));
/// ```
pub fn imagenet_classes() -> Arc<[String]> {
    CLASSES.clone()
}
