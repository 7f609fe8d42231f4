//! Images in training, which are drawn anew in each epoch.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::augment::{Augment, BatchChange, Change, Map, Original, View};
use super::images::Images;
use super::padding::Padding;
use super::resize_method::ResizeMethod;
use super::spec::ImageSpec;
use crate::data::BatchItems;
use crate::error::Result;

impl Images {
    /// Returns whether training shows an image in another way in each epoch.
    pub(super) fn vary(&self) -> bool {
        self.augmentation().is_some() || self.is_presized()
    }

    /// Draws what happens to an item in training, by the seed, the epoch and the item, and where the
    /// unchanged image lies in what is kept of it.
    fn draw(&self, augment: &Augment, items: &BatchItems<'_>, item: u32) -> (Change, Map) {
        let mut rng = items.rng(item);
        let format = self.format();
        let size = [format.height, format.width];
        // Images that are not kept whole were cropped or padded when they were read.
        let view = match (self.picture(item as usize), augment.random_crop()) {
            (Some(picture), crop) => View::draw(format.resize, crop, picture, size, &mut rng),
            (None, Some(crop)) => crop.draw(size, size, &mut rng),
            (None, None) => View::whole(),
        };
        let [_, kept_height, kept_width] = self.kept_shape();
        let map = view.map(size, [kept_height, kept_width]);
        (augment.draw(size, &mut rng), map)
    }

    /// Returns what lies beyond the border of what is kept of an image.
    fn border(&self, augment: &Augment) -> Padding {
        match self.format().resize {
            ResizeMethod::Pad { padding } if self.is_presized() && !augment.crops() => padding,
            _ => augment.border(),
        }
    }

    /// Returns the model's inputs in training.
    pub(super) fn drawn(&self, items: BatchItems<'_>) -> Result<Vec<f32>> {
        let none = Augment::none();
        let augment = self.augmentation().unwrap_or(&none);
        let (format, shape) = (self.format(), self.kept_shape());
        self.with_kept(items.indices, |pixels| {
            let mut values = vec![0.0; pixels.len() * format.len()];
            let images = values.par_chunks_exact_mut(format.len());
            images.zip(pixels).zip(items.indices).for_each(|((out, pixels), &item)| {
                let (change, map) = self.draw(augment, &items, item);
                let original = Original { pixels, shape };
                change.apply(original, map, self.border(augment), &format.scaling, out);
            });
            values
        })
    }

    /// Returns what happens to the items in training, for images that are on a device, if operations
    /// on tensors can do it.
    pub(super) fn drawn_changes(&self, items: BatchItems<'_>) -> Option<BatchChange> {
        let none = Augment::none();
        let augment = self.augmentation().unwrap_or(&none);
        let changes = items.indices.iter().map(|&item| self.draw(augment, &items, item)).collect();
        let size = [self.format().height, self.format().width];
        let change = BatchChange { changes, padding: self.border(augment), size };
        change.is_on_tensors().then_some(change)
    }
}

/// Returns a batch of images, each as a pass of test-time augmentation draws it, whatever the other
/// images are.
pub(super) fn augmented_batch(
    augment: &Augment,
    format: &ImageSpec,
    images: &[&[u8]],
    pass: usize,
    device: &Device,
) -> Result<Tensor<4>> {
    let shape @ [_, height, width] = format.shape();
    let draws = BatchItems { epoch: pass, ..BatchItems::new(&[]) };
    let mut values = vec![0.0; images.len() * format.len()];
    let slots = values.par_chunks_exact_mut(format.len()).zip(images);
    slots.for_each(|(out, pixels)| {
        augment.fill(Original { pixels, shape }, &format.scaling, &mut draws.rng(0), out);
    });
    let values = TensorData::new(values, [images.len(), format.channels, height, width]);
    augment.change_batch(Tensor::from_data(values, device), &mut draws.batch_rng())
}
