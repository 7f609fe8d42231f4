//! The trait of transforms.

use burn::tensor::Tensor;
use rand::Rng;

use super::change::Change;
use crate::error::Result;

/// A random transform of images in training.
///
/// ```
/// use fastburn::rand::{Rng, RngExt};
/// use fastburn::vision::augment::{Augment, Change, Map, Transform};
///
/// /// Shifts the rows of half of the images against each other.
/// struct Shear {
///     most: f64,
/// }
///
/// impl Transform for Shear {
///     fn draw(&self, change: &mut Change, rng: &mut dyn Rng) {
///         if rng.random_bool(0.5) {
///             let slope = rng.random_range(-self.most..=self.most);
///             change.map(Map::affine([[1.0, slope, 0.0], [0.0, 1.0, 0.0]]));
///         }
///     }
/// }
///
/// let digits = Augment::digits().with(Shear { most: 0.2 });
/// ```
pub trait Transform: Send + Sync {
    /// Draws what happens to one image. The generator is that of the image in its epoch, so its
    /// numbers depend neither on other images nor on the number of threads.
    fn draw(&self, change: &mut Change, rng: &mut dyn Rng);

    /// Returns the name, and the settings after a `=`, as in `rotate=10@0.75`. By default, it is
    /// the name of the type. In a policy, a transform replaces one of the same name; a run is
    /// resumed only with the same transforms.
    fn describe(&self) -> String {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path).to_owned()
    }
}

/// A random transform of whole batches in training, after those of images.
///
/// It gets the model's input `[batch, channels, height, width]`, on the model's device.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::rand::{Rng, RngExt};
/// use fastburn::vision::augment::{Augment, BatchTransform};
///
/// /// Makes a whole batch brighter or darker.
/// struct Dim;
///
/// impl BatchTransform for Dim {
///     fn apply(&self, batch: Tensor<4>, rng: &mut dyn Rng) -> fastburn::Result<Tensor<4>> {
///         Ok(batch * rng.random_range(0.5..1.0))
///     }
/// }
///
/// let policy = Augment::none().batch(Dim);
/// ```
pub trait BatchTransform: Send + Sync {
    /// Returns the changed batch, of the same shape. The generator is that of the batch in its
    /// epoch.
    ///
    /// # Errors
    ///
    /// Any error, which ends the fit.
    fn apply(&self, batch: Tensor<4>, rng: &mut dyn Rng) -> Result<Tensor<4>>;

    /// Returns the name and the settings: see [`Transform::describe`].
    fn describe(&self) -> String {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path).to_owned()
    }
}
