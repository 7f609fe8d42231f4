//! Changes of images that are on a device, such as a GPU: what [`Change`] does on the host, by
//! operations on tensors, within rounding errors.

use burn::tensor::ops::{GridSampleOptions, GridSamplePaddingMode, InterpolateMode};
use burn::tensor::{Device, Tensor, TensorData};

use super::change::{Change, between_pixels};
use super::logits::{GREY, Light, MARGIN};
use super::map::Map;
use crate::vision::padding::Padding;
use crate::vision::scaling::Scaling;

/// What stands for no noise. Not NaN, which a GPU may take for a number.
const NO_NOISE: f32 = f32::MAX;

/// The changes of a batch, each with where its unchanged image lies in the original.
pub(in crate::vision) struct BatchChange {
    pub changes: Vec<(Change, Map)>,
    pub padding: Padding,
    /// `[height, width]`.
    pub size: [usize; 2],
}

impl BatchChange {
    /// Returns whether operations on tensors can do it: whether there are no functions of pixels.
    pub fn is_on_tensors(&self) -> bool {
        self.changes.iter().all(|(change, _)| change.functions.is_empty())
    }

    /// Applies the changes to images `[batch, channels, height, width]`, which are scaled for the
    /// model, and so is the result.
    pub fn apply(&self, images: Tensor<4>, scaling: &Scaling) -> Tensor<4> {
        let [_, channels, ..] = images.dims();
        let images = scaling.unscale_batch(images);
        let images = self.sample(images);
        let images = self.light(images);
        let images = self.turn_hue(images, channels);
        let images = scaling.scale_batch(images);
        self.erase(images, scaling)
    }

    /// Returns one number of each image, `[batch, 1, 1, 1]`.
    fn numbers(&self, number: impl Fn(&Change) -> f32, device: &Device) -> Tensor<4> {
        let numbers: Vec<f32> = self.changes.iter().map(|(change, _)| number(change)).collect();
        let shape = [numbers.len(), 1, 1, 1];
        Tensor::from_data(TensorData::new(numbers, shape), device)
    }

    fn any(&self, is_changed: impl Fn(&Change) -> bool) -> bool {
        self.changes.iter().any(|(change, _)| is_changed(change))
    }

    fn sample(&self, images: Tensor<4>) -> Tensor<4> {
        let ([batch, _, from_height, from_width], [height, width]) = (images.dims(), self.size);
        let maps: Vec<Map> = self
            .changes
            .iter()
            .map(|(change, frame)| frame.then(between_pixels(change.map, self.size)))
            .collect();
        let is_unchanged = [from_height, from_width] == self.size;
        if is_unchanged && maps.iter().all(|map| *map == Map::identity()) {
            return images;
        }
        // From pixels of the image to places of the original, from -1 to 1.
        let axis = |side: usize| match side {
            0 | 1 => (0.0, 0.0),
            side => (2.0 / (side - 1) as f64, -1.0),
        };
        let ((x, left), (y, top)) = (axis(from_width), axis(from_height));
        let to_places = Map::affine([[x, 0.0, left], [0.0, y, top]]);
        let rows: Vec<_> = maps.iter().map(|map| to_places.then(*map).rows()).collect();
        let device = images.device();
        let side = |length: usize, shape: [usize; 3]| {
            let numbers: Vec<f32> = (0..length).map(|index| index as f32).collect();
            Tensor::<3>::from_data(TensorData::new(numbers, shape), &device)
        };
        let (columns, lines) = (side(width, [1, 1, width]), side(height, [1, height, 1]));
        let row = |row: usize| {
            let [x, y, shift] = [0, 1, 2].map(|column| {
                let numbers: Vec<f32> = rows.iter().map(|rows| rows[row][column] as f32).collect();
                Tensor::<3>::from_data(TensorData::new(numbers, [batch, 1, 1]), &device)
            });
            columns.clone() * x + (lines.clone() * y + shift)
        };
        let (mut x, mut y) = (row(0), row(1));
        if rows.iter().any(|rows| rows[2] != [0.0, 0.0, 1.0]) {
            let w = row(2);
            (x, y) = (x / w.clone(), y / w);
        }
        let padding = match self.padding {
            Padding::Reflection => GridSamplePaddingMode::Reflection,
            Padding::Border => GridSamplePaddingMode::Border,
            Padding::Zeros => GridSamplePaddingMode::Zeros,
        };
        let options = GridSampleOptions::new(InterpolateMode::Bilinear)
            .with_padding_mode(padding)
            .with_align_corners(true);
        images.grid_sample_2d(Tensor::stack(vec![x, y], 3), options)
    }

    fn light(&self, images: Tensor<4>) -> Tensor<4> {
        if !self.any(|change| change.light != Light::UNCHANGED) {
            return images;
        }
        let device = images.device();
        let value = images.clamp(MARGIN, 1.0 - MARGIN);
        let logit = value.clone().log() - (-value + 1.0).log();
        let logit = (logit + self.numbers(|change| change.light.brightness, &device))
            * self.numbers(|change| change.light.contrast, &device);
        let [_, channels, ..] = logit.dims();
        let logit = if channels == 3 && self.any(|change| change.light.saturation != 1.0) {
            let weights =
                Tensor::<4>::from_data(TensorData::new(GREY.to_vec(), [1, 3, 1, 1]), &device);
            let grey = (logit.clone() * weights).sum_dim(1);
            let share = self.numbers(|change| change.light.saturation, &device);
            (logit - grey.clone()) * share + grey
        } else {
            logit
        };
        ((-logit).exp() + 1.0).recip()
    }

    fn turn_hue(&self, images: Tensor<4>, channels: usize) -> Tensor<4> {
        if channels != 3 || !self.any(|change| change.hue != 0.0) {
            return images;
        }
        let device = images.device();
        let [red, green, blue] = [0, 1, 2].map(|channel| images.clone().narrow(1, channel, 1));
        let (largest, smallest) = (images.clone().max_dim(1), images.min_dim(1));
        let range = largest.clone() - smallest.clone();
        // Grey has no hue; any will do, since its range is 0.
        let divisor = range.clone().mask_fill(range.clone().equal_elem(0.0), 1.0);
        let of =
            |one: &Tensor<4>, other: &Tensor<4>| (one.clone() - other.clone()) / divisor.clone();
        let hue = of(&red, &green) + 4.0;
        let hue = hue.mask_where(green.clone().equal(largest.clone()), of(&blue, &red) + 2.0);
        let hue = hue.mask_where(red.equal(largest), of(&green, &blue));
        let hue = hue + self.numbers(|change| 6.0 * change.hue as f32, &device);
        let hue = hue.clone() - (hue / 6.0).floor() * 6.0;
        let channel = |own: f64| {
            let distance = (hue.clone() - own).abs();
            let distance = distance.clone().min_pair(-distance + 6.0);
            smallest.clone() + range.clone() * (-distance + 2.0).clamp(0.0, 1.0)
        };
        Tensor::cat(vec![channel(0.0), channel(2.0), channel(4.0)], 1)
    }

    fn erase(&self, images: Tensor<4>, scaling: &Scaling) -> Tensor<4> {
        if !self.any(|change| !change.boxes.is_empty()) {
            return images;
        }
        let shape @ [_, channels, height, width] = images.dims();
        let size = channels * height * width;
        let mut noise = vec![NO_NOISE; shape.iter().product()];
        for ((change, _), image) in self.changes.iter().zip(noise.chunks_exact_mut(size)) {
            change.boxes.iter().for_each(|noise| noise.fill(image, [height, width], scaling));
        }
        let noise = Tensor::<4>::from_data(TensorData::new(noise, shape), &images.device());
        let is_kept = noise.clone().equal_elem(NO_NOISE);
        noise.mask_where(is_kept, images)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::device;
    use crate::vision::augment::policy::Augment;
    use crate::vision::augment::sample::Original;
    use crate::vision::augment::view::View;
    use crate::vision::resize_method::ResizeMethod;

    #[test]
    fn operations_on_tensors_do_what_the_host_does() {
        let shape = [3, 21, 30];
        let images: Vec<Vec<u8>> = (0..6)
            .map(|image| {
                (0..3 * 21 * 30).map(move |at| ((at * at / 60 + at * (image + 3)) % 256) as u8)
            })
            .map(Iterator::collect)
            .collect();
        let [mean, std] = [[0.4, 0.5, 0.6], [0.2, 0.3, 0.25]].map(|values| values.to_vec());
        for scaling in [Scaling::Unit, Scaling::Standard { mean, std }] {
            for padding in Padding::ALL {
                let policy: Augment = "warp=0.3,flip,dihedral,rotate=40,zoom=0.6..1.4,shift=0.2,\
                                       brightness=0.3,contrast=0.3,saturation=0.5,hue=0.3,erase=0.4"
                    .parse()
                    .unwrap();
                let size = [16, 20];
                let draws = |image: u64| {
                    let mut rng = ChaCha8Rng::seed_from_u64(image);
                    let crop = ResizeMethod::Crop { shorter_side: 20 };
                    let view = View::draw(crop, None, [42, 50], size, &mut rng);
                    (policy.draw(size, &mut rng), view.map(size, [21, 30]))
                };
                let mut expected = vec![0.0; 6 * 3 * 16 * 20];
                for (out, (pixels, image)) in
                    expected.chunks_exact_mut(3 * 16 * 20).zip(images.iter().zip(0..))
                {
                    let (change, map) = draws(image);
                    change.apply(Original { pixels, shape }, map, padding, &scaling, out);
                }
                for info in device::list() {
                    let device = info.open().unwrap();
                    let pixels = images.concat().into_iter().map(|pixel| f32::from(pixel) / 255.0);
                    let pixels = TensorData::new(pixels.collect::<Vec<f32>>(), [6, 3, 21, 30]);
                    let batch = scaling.scale_batch(Tensor::from_data(pixels, &device));
                    let change =
                        BatchChange { changes: (0..6).map(draws).collect(), padding, size };
                    assert!(change.is_on_tensors());
                    let found = change.apply(batch, &scaling).try_into_vec_as::<f32>().unwrap();
                    for (found, expected) in found.into_iter().zip(&expected) {
                        let name = &info.name;
                        assert!((found - expected).abs() < 2e-3, "{name}: {found}, {expected}");
                    }
                }
            }
        }
    }
}
