//! Prepared weights of convolutions, kept for the next prediction.
//!
//! For a batch of images, preparing a weight takes no time to speak of. For one image it would take
//! a quarter of ResNet-18's. Outside of autodiff weights stay as they are, so what was prepared is
//! kept, for as long as the weight's buffer exists.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use burn::tensor::Bytes;
use burn_flex::FlexTensor;

use super::flex::{dims, row_major};
use crate::kernels::convolution::{Geometry, is_filtered, prepare};
use crate::kernels::instructions::Instructions;

/// The images, and the pixels of all outputs, beyond which preparing a weight is not felt.
const MOST_IMAGES: usize = 8;
const MOST_PIXELS: usize = 1024;

/// A prepared weight.
///
/// It is never out of date. A buffer that has a `Weak` is not changed in place: `Arc::get_mut`
/// refuses, and `Arc::make_mut` changes a copy, or moves what only its caller had to a new `Arc`,
/// after which the `Weak` leads to nothing. And no other buffer comes to the address while the `Weak`
/// is there. So a buffer with the address of a `Weak` has the values that were prepared.
struct KeptWeight {
    buffer: Weak<Bytes>,
    /// What the buffer was taken for.
    shape: [usize; 4],
    is_filtered: bool,
    /// Not a `Buffer`: it is none of those that come and go with each prediction.
    values: Arc<[f32]>,
}

static KEPT: Mutex<Vec<KeptWeight>> = Mutex::new(Vec::new());

fn kept_weights() -> MutexGuard<'static, Vec<KeptWeight>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls a function with a prepared weight, which is kept if there are few images and few pixels.
pub(super) fn with_prepared_weight<R>(
    geometry: &Geometry,
    weight: FlexTensor,
    compute: impl FnOnce(&[f32]) -> R,
) -> R {
    let given = weight.data_arc();
    let weight = row_major(weight);
    let make = || prepare(Instructions::chosen(), geometry, weight.storage());
    let [height, width] = geometry.output();
    let is_copy = !Arc::ptr_eq(&given, &weight.data_arc());
    if is_copy || geometry.batch > MOST_IMAGES || geometry.batch * height * width > MOST_PIXELS {
        return compute(&make());
    }
    let (shape, is_filtered) = (dims(&weight), is_filtered(geometry));
    let find = |kept: &[KeptWeight]| {
        let found = kept.iter().find(|kept| {
            kept.buffer.as_ptr() == Arc::as_ptr(&given)
                && (kept.shape, kept.is_filtered) == (shape, is_filtered)
        });
        found.map(|kept| Arc::clone(&kept.values))
    };
    let found = find(&kept_weights());
    let values = found.unwrap_or_else(|| {
        let values: Arc<[f32]> = make()[..].into();
        release();
        let mut kept = kept_weights();
        // Another thread may have been faster.
        find(&kept).unwrap_or_else(|| {
            let buffer = Arc::downgrade(&given);
            kept.push(KeptWeight { buffer, shape, is_filtered, values: Arc::clone(&values) });
            values
        })
    });
    compute(&values)
}

/// Drops what was prepared of weights that exist no more.
pub(crate) fn release() {
    kept_weights().retain(|kept| kept.buffer.strong_count() > 0);
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::extension::flex::primitive;

    fn geometry(size: usize) -> Geometry {
        Geometry {
            batch: 1,
            inputs: 8,
            outputs: 16,
            size: [size; 2],
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0, 0],
        }
    }

    fn first_of(geometry: &Geometry, weight: &Tensor<4>) -> f32 {
        with_prepared_weight(geometry, primitive(weight.clone()), |values| values[0])
    }

    fn is_kept(weight: &Tensor<4>) -> bool {
        let buffer = primitive(weight.clone()).data_arc();
        kept_weights().iter().any(|kept| kept.buffer.as_ptr() == Arc::as_ptr(&buffer))
    }

    #[test]
    fn a_weight_is_kept_for_few_images_and_pixels_until_it_changes_or_goes() {
        let weight = Tensor::<4>::ones([16, 8, 1, 1], &Device::flex());
        assert_eq!(first_of(&geometry(64), &weight), 1.0);
        assert_eq!(first_of(&Geometry { batch: 9, ..geometry(1) }, &weight), 1.0);
        assert!(!is_kept(&weight));
        assert_eq!([first_of(&geometry(7), &weight), first_of(&geometry(7), &weight)], [1.0; 2]);
        assert!(is_kept(&weight));
        // Only this tensor has the buffer, so it would be changed in place, were it not kept.
        let weight = weight.mul_scalar(3.0);
        assert!(!is_kept(&weight));
        assert_eq!(first_of(&geometry(7), &weight), 3.0);
        // While this is there, no other buffer comes to its place.
        let buffer = Arc::downgrade(&primitive(weight.clone()).data_arc());
        drop(weight);
        release();
        assert!(!kept_weights().iter().any(|kept| kept.buffer.ptr_eq(&buffer)));
    }

    #[test]
    fn one_buffer_may_be_weights_of_two_shapes() {
        let values: Vec<f32> = (0..128).map(|value| value as f32).collect();
        let weight = Tensor::<1>::from_floats(&values[..], &Device::flex()).reshape([16, 8, 1, 1]);
        let turned = weight.clone().reshape([8, 16, 1, 1]);
        let of = |weight: &Tensor<4>, outputs, inputs| {
            let geometry = Geometry { inputs, outputs, ..geometry(3) };
            with_prepared_weight(&geometry, primitive(weight.clone()), |values| values[1])
        };
        // The second output's first weight.
        assert_eq!([of(&weight, 16, 8), of(&turned, 8, 16)], [8.0, 16.0]);
        assert_eq!([of(&weight, 16, 8), of(&turned, 8, 16)], [8.0, 16.0]);
    }
}
