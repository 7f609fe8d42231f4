//! Policies: the transforms of images in training.

use std::fmt;
use std::sync::Arc;

use burn::tensor::Tensor;
use rand::Rng;

use super::change::Change;
use super::sample::Original;
use super::transform::{BatchTransform, Transform};
use super::transforms::{Brightness, Contrast, Flip, Rotate, Shift, Warp, Zoom};
use super::view::{RandomCrop, View};
use crate::data::BatchItems;
use crate::error::{Error, Result};
use crate::seed::Seed;
use crate::vision::padding::Padding;
use crate::vision::scaling::Scaling;

/// What happens to images in training: random transforms, drawn anew for each image in each epoch.
///
/// ```
/// use fastburn::vision::augment::{Augment, Erase, Rotate};
///
/// let policy = Augment::standard().with(Rotate::new(20.0)).without("flip").with(Erase::new(0.3));
/// assert_eq!(policy, "standard,rotate=20,flip=none,erase=0.3".parse()?);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// As text, a policy is a list: the name of a policy or nothing, and then transforms with their
/// settings, as in `digits,zoom=0.8..1.2`. The probability of a transform stands after an `@`, as
/// in `rotate=30@0.5`. `NAME=none` removes one, `crop=0.35` is a [`RandomCrop`], and
/// `padding=zeros` sets what lies beyond the border.
#[derive(Clone, Default)]
pub struct Augment {
    pub(super) crop: Option<RandomCrop>,
    pub(super) transforms: Vec<Arc<dyn Transform>>,
    pub(super) padding: Padding,
    pub(super) batches: Vec<Arc<dyn BatchTransform>>,
}

impl Augment {
    /// Creates the policy without any transform.
    pub fn none() -> Self {
        Self::default()
    }

    /// Creates the policy for photos: fastai's `aug_transforms()` with its defaults. A warp of 0.2,
    /// flips, rotations by up to 10°, zoom of up to 1.1, and changes of brightness and contrast by
    /// 0.2.
    pub fn standard() -> Self {
        Self::none()
            .with(Warp::new(0.2))
            .with(Flip::new())
            .with(Rotate::new(10.0))
            .with(Zoom::new(1.0, 1.1))
            .with(Brightness::new(0.2))
            .with(Contrast::new(0.2))
    }

    /// Creates the policy for digits and other characters, which mean something else when mirrored:
    /// rotations by up to 10°, shifts by up to a tenth, and zoom from 0.9 to 1.1, over black.
    pub fn digits() -> Self {
        Self::none()
            .with(Rotate::new(10.0))
            .with(Shift::new(0.1))
            .with(Zoom::new(0.9, 1.1))
            .padding(Padding::Zeros)
    }

    /// Adds a transform after the others, or replaces the one of the same name.
    pub fn with(mut self, transform: impl Transform + 'static) -> Self {
        self.add(Arc::new(transform));
        self
    }

    /// Removes the transforms of this name, if there are any.
    pub fn without(mut self, name: &str) -> Self {
        self.transforms.retain(|transform| name_of(&transform.describe()) != name);
        self.batches.retain(|transform| name_of(&transform.describe()) != name);
        if name == "crop" {
            self.crop = None;
        }
        self
    }

    /// Shows a random part of each picture.
    pub fn crop(mut self, crop: RandomCrop) -> Self {
        self.crop = Some(crop);
        self
    }

    /// Sets what lies beyond the border (default: its reflection).
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Adds a transform of whole batches, which comes after those of images.
    pub fn batch(mut self, transform: impl BatchTransform + 'static) -> Self {
        self.batches.push(Arc::new(transform));
        self
    }

    pub(super) fn add(&mut self, transform: Arc<dyn Transform>) {
        let text = transform.describe();
        let same = |other: &Arc<dyn Transform>| name_of(&other.describe()) == name_of(&text);
        match self.transforms.iter().position(same) {
            Some(index) => self.transforms[index] = transform,
            None => self.transforms.push(transform),
        }
    }

    /// Draws what happens to an image of `[height, width]`.
    pub(in crate::vision) fn draw(&self, size: [usize; 2], rng: &mut dyn Rng) -> Change {
        let mut change = Change::new(size);
        self.transforms.iter().for_each(|transform| transform.draw(&mut change, rng));
        change
    }

    /// Changes an image as the policy draws it from a seed. Takes its pixels, 0 to 255, `[channels,
    /// height, width]`, and returns values from 0 to 1 of the same shape. Transforms of batches do not
    /// apply.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use fastburn::vision::augment::Augment;
    /// use fastburn::vision::{Bitmap, Splits};
    ///
    /// let seven = Splits::digits()?.valid.get(700)?;
    /// for seed in 0..9 {
    ///     let values = Augment::digits().image(&seven.pixels, seven.shape, seed)?;
    ///     let picture = Bitmap::new(&values, seven.shape)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of pixels does not match the shape, or there are none.
    pub fn image(
        &self,
        pixels: &[u8],
        shape: [usize; 3],
        seed: impl Into<Seed>,
    ) -> Result<Vec<f32>> {
        let count = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        if pixels.is_empty() || count != Some(pixels.len()) {
            return Err(Error::Shape {
                what: "an image to augment",
                expected: "channels × height × width pixels".to_owned(),
                found: format!("{} pixels for {shape:?}", pixels.len()),
            });
        }
        let mut rng = BatchItems { seed: seed.into(), ..BatchItems::new(&[]) }.rng(0);
        let mut values = vec![0.0; pixels.len()];
        self.fill(Original { pixels, shape }, &Scaling::Unit, &mut rng, &mut values);
        Ok(values)
    }

    /// Draws an image of the size of its original. Fills `out` with its scaled values.
    pub(in crate::vision) fn fill(
        &self,
        original: Original<'_>,
        scaling: &Scaling,
        rng: &mut dyn Rng,
        out: &mut [f32],
    ) {
        let [_, height, width] = original.shape;
        let size = [height, width];
        let view = self.crop.map_or(View::whole(), |crop| crop.draw(size, size, rng));
        self.draw(size, rng).apply(original, view.map(size, size), self.padding, scaling, out);
    }

    /// Returns whether it shows random parts of pictures.
    pub fn crops(&self) -> bool {
        self.crop.is_some()
    }

    /// Returns the random crop, if there is one.
    pub(in crate::vision) fn random_crop(&self) -> Option<RandomCrop> {
        self.crop
    }

    /// Returns what lies beyond the border.
    pub(in crate::vision) fn border(&self) -> Padding {
        self.padding
    }

    /// Applies the transforms of batches to a batch `[batch, channels, height, width]`.
    pub(in crate::vision) fn change_batch(
        &self,
        mut batch: Tensor<4>,
        rng: &mut dyn Rng,
    ) -> Result<Tensor<4>> {
        for transform in &self.batches {
            batch = transform.apply(batch, rng)?;
        }
        Ok(batch)
    }

    /// Returns whether nothing happens to images.
    pub fn is_none(&self) -> bool {
        self.transforms.is_empty() && self.batches.is_empty() && self.crop.is_none()
    }
}

/// Returns the name of a transform that describes itself by this text.
pub(super) fn name_of(text: &str) -> &str {
    text.split(['=', '@']).next().unwrap_or(text)
}

impl fmt::Debug for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Augment({self})")
    }
}

impl PartialEq for Augment {
    /// Compares what the transforms say of themselves.
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
