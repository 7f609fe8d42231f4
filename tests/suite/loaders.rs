//! Batches: which items, in which order, from wherever they stay.

use burn::tensor::{Device, Int, Tensor};
use fastburn::data::{BatchItems, DataLoader, Source, class_indices, is_class_one, one_hot};
use fastburn::vision::{ImageSource, Images, Residency, Splits};
use fastburn::{Error, Seed};

use crate::support::{each_device, values};

fn images() -> Images {
    Images::decode(&Splits::digits().unwrap().valid).unwrap()
}

type Labels = fn(&[u32], usize, &Device) -> Tensor<1, Int>;

fn loader(device: &Device, residency: Residency) -> DataLoader<Tensor<4>, Tensor<1, Int>> {
    let source = ImageSource::new(images(), class_indices as Labels, device, residency);
    DataLoader::new(source).shuffle(Seed::new(3)).batch_size(300).unwrap()
}

#[test]
fn batches_are_the_same_to_the_bit_on_the_device_and_from_the_host() {
    each_device(|device| {
        let resident = loader(device, Residency::Device);
        let sent = loader(device, Residency::Host);
        let order = resident.order(1);
        assert_eq!(order, sent.order(1));
        for index in 0..resident.len() {
            let a = resident.batch(&order, index, device).unwrap();
            let b = sent.batch(&order, index, device).unwrap();
            assert_eq!(a.input.dims(), [a.len, 1, 28, 28]);
            assert_eq!(values(a.input), values(b.input));
            a.target.into_data().assert_eq(&b.target.into_data(), true);
        }
    });
}

#[test]
fn pixels_are_scaled_to_a_255th_exactly() {
    let images = images();
    each_device(|device| {
        let loader = loader(device, Residency::Auto).shuffle(None);
        let batch = loader.batch(&loader.order(0), 0, device).unwrap();
        let expected: Vec<f32> = (0..300)
            .flat_map(|i| images.pixels(i).unwrap().into_owned())
            .map(|p| f32::from(p) / 255.0)
            .collect();
        assert_eq!(values(batch.input), expected);
    });
}

#[test]
fn small_and_large_batches_hold_the_same_pixels() {
    // A large batch is made on all threads, a small one on the caller's.
    let device = fastburn::device::cpu().unwrap();
    let source = ImageSource::new(images(), class_indices as Labels, &device, Residency::Host);
    let every: Vec<u32> = (0..1000).collect();
    let (whole, _) = source.gather(BatchItems::new(&every), &device).unwrap();
    let parts = every
        .chunks(7)
        .flat_map(|part| values(source.gather(BatchItems::new(part), &device).unwrap().0));
    assert_eq!(values(whole), parts.collect::<Vec<_>>());
}

#[test]
fn the_order_is_another_in_each_epoch_and_under_each_seed_but_always_the_same() {
    let device = fastburn::device::cpu().unwrap();
    let loader = loader(&device, Residency::Auto);
    let first = loader.order(0);
    assert_eq!(first, loader.order(0));
    assert_ne!(*first, *loader.order(1));
    assert_ne!(first, loader.clone().shuffle(Seed::new(4)).order(0));
    let mut sorted = first.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
    assert_eq!(*loader.shuffle(None).order(5), sorted);
}

#[test]
fn the_last_batch_is_short_or_left_out() {
    let device = fastburn::device::cpu().unwrap();
    let loader = loader(&device, Residency::Auto);
    assert_eq!(loader.len(), 4);
    assert_eq!(loader.batch(&loader.order(0), 3, &device).unwrap().len, 100);
    assert_eq!(loader.drop_last(true).len(), 3);
}

#[test]
fn a_batch_size_of_zero_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    let error = loader(&device, Residency::Auto).batch_size(0).unwrap_err();
    assert!(matches!(error, Error::Setting { .. }) && error.to_string().contains("batch size"));
}

#[test]
fn targets_come_as_indices_as_one_hot_rows_or_as_a_flag() {
    each_device(|device| {
        let labels = [2, 0, 1];
        let indices = class_indices(&labels, 3, device).into_data().convert::<i64>();
        assert_eq!(indices.try_to_vec::<i64>().unwrap(), [2, 0, 1]);
        let rows = [0., 0., 1., 1., 0., 0., 0., 1., 0.];
        assert_eq!(values(one_hot(&labels, 3, device)), rows);
        assert_eq!(values(is_class_one(&labels, 3, device)), [0., 0., 1.]);
    });
}

#[test]
fn training_batches_are_on_the_autodiff_device_wherever_they_stay() {
    each_device(|device| {
        let training = device.clone().autodiff();
        for residency in [Residency::Device, Residency::Host] {
            let loader = loader(device, residency);
            let order = loader.order(0);
            assert!(loader.batch(&order, 0, &training).unwrap().input.is_autodiff());
            assert!(!loader.batch(&order, 0, device).unwrap().input.is_autodiff());
        }
    });
}
