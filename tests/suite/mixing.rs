//! Mixed images, and test-time augmentation.

use std::sync::{Arc, Mutex};

use burn::tensor::{Int, Tensor};
use fastburn::callbacks::{CutMix, MixUp};
use fastburn::data::{DataLoaders, class_indices};
use fastburn::learner::{Callback, Flow, Learner, State, Task};
use fastburn::loss::{CrossEntropy, L1, Loss, MnistLoss, Mse, from_fn};
use fastburn::models::{LinearConfig, MlpConfig};
use fastburn::vision::augment::{Augment, Flip};
use fastburn::vision::{Images, Predictor, ReadOptions, Splits};
use fastburn::{Error, device};
use tempfile::tempdir;

use crate::support::{assert_close, each_device, numbers, tensor, values};

/// The mean over items of a share of the loss against each target and the rest against the other's.
fn one_by_one<T: Clone>(
    loss: &impl Loss<Tensor<2>, T>,
    outputs: &Tensor<2>,
    [own, partner]: [&[T]; 2],
    shares: &[f32],
) -> f32 {
    let items = shares.iter().enumerate().map(|(item, share)| {
        let output = outputs.clone().narrow(0, item, 1);
        let [own, partner] = [own, partner]
            .map(|targets| values(loss.compute(output.clone(), targets[item].clone()).unwrap())[0]);
        share * own + (1.0 - share) * partner
    });
    items.sum::<f32>() / shares.len() as f32
}

#[test]
fn a_mixed_loss_is_the_mean_of_each_items_two_losses_in_its_shares() {
    const SHARES: [f32; 3] = [0.8, 0.5, 1.0];
    each_device(|device| {
        let outputs = tensor(numbers(15, 1), [3, 5], device);
        let classes = |classes: [i32; 3]| {
            let all = Tensor::<1, Int>::from_data(classes, device);
            let each: Vec<_> = (0..3).map(|item| all.clone().narrow(0, item, 1)).collect();
            (all, each)
        };
        let ((own, each_own), (partner, each_partner)) = (classes([4, 0, 2]), classes([1, 0, 3]));
        for loss in [CrossEntropy::new(), CrossEntropy::new().label_smoothing(0.1)] {
            let mixed = loss.compute_mixed(outputs.clone(), own.clone(), partner.clone(), &SHARES);
            let expected = one_by_one(&loss, &outputs, [&each_own, &each_partner], &SHARES);
            assert_close(&values(mixed.unwrap()), &[expected], 1e-5, 0.0);
        }
        let rows = |seed: u64| {
            let all = tensor(numbers(15, seed), [3, 5], device).abs();
            let each: Vec<_> = (0..3).map(|item| all.clone().narrow(0, item, 1)).collect();
            (all, each)
        };
        let ((own, each_own), (partner, each_partner)) = (rows(2), rows(3));
        macro_rules! check {
            ($($loss:expr),*) => {$(
                let mixed = $loss.compute_mixed(outputs.clone(), own.clone(), partner.clone(), &SHARES);
                let expected = one_by_one(&$loss, &outputs, [&each_own, &each_partner], &SHARES);
                assert_close(&values(mixed.unwrap()), &[expected], 1e-5, 0.0);
            )*};
        }
        check!(MnistLoss, Mse, L1);
    });
}

#[test]
fn weights_of_classes_weight_both_parts_of_a_mixed_item() {
    let device = device::cpu().unwrap();
    let outputs = tensor(numbers(4, 1), [2, 2], &device);
    let [own, partner] =
        [[0, 1], [1, 0]].map(|classes| Tensor::<1, Int>::from_data(classes, &device));
    let loss = CrossEntropy::new().weights([3.0, 1.0]);
    let shares = [0.75, 0.5];
    let mixed = loss.compute_mixed(outputs.clone(), own, partner, &shares).unwrap();
    let plain = |item: usize, class: i32| {
        let class = Tensor::<1, Int>::from_data([class], &device);
        let output = outputs.clone().narrow(0, item, 1);
        values(CrossEntropy::new().compute(output, class).unwrap())[0]
    };
    let sum = 0.75 * 3.0 * plain(0, 0) + 0.25 * plain(0, 1) + 0.5 * plain(1, 1) + 1.5 * plain(1, 0);
    let weights = 0.75 * 3.0 + 0.25 + 0.5 + 1.5;
    assert_close(&values(mixed), &[sum / weights], 1e-5, 0.0);
}

#[test]
fn a_loss_that_cannot_be_mixed_says_so() {
    let device = device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(64, 42, &device).unwrap();
    let loss = from_fn("own", |outputs: Tensor<2>, targets: Tensor<1, Int>| {
        fastburn::loss::cross_entropy(outputs, targets)
    });
    let model = LinearConfig::new(784, 10).init(&device, 42).unwrap();
    let mut learn = Learner::new(dls, model, loss).callback(MixUp::new(0.4));
    let error = learn.fit(1, 1e-3).unwrap_err();
    assert!(matches!(error, Error::Usage { .. }), "{error}");
    assert!(error.to_string().contains("own cannot be mixed"), "{error}");
}

/// Keeps the inputs of each training batch.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<Vec<f32>>>>);

impl<T: Task<Input = Tensor<4>>> Callback<T> for Watch {
    fn after_loss(&mut self, state: &mut State<T>) -> Flow {
        if let (true, Some(batch)) = (state.training, &state.batch) {
            self.0.lock().unwrap().push(values(batch.input.clone().inner()));
        }
        Ok(())
    }
}

#[test]
fn cut_mix_takes_a_box_of_other_images_of_the_batch_and_mixes_by_its_area() {
    let device = device::cpu().unwrap();
    let dls = || Splits::digits().unwrap().loaders(64, 42, &device).unwrap();
    let model = || LinearConfig::new(784, 10).init(&device, 42).unwrap();
    let seen = |mixes: bool| {
        let watch = Watch::default();
        let mut learn = Learner::new(dls(), model(), CrossEntropy::new()).callback(watch.clone());
        if mixes {
            learn.add_callback(CutMix::new(1.0));
        }
        // Without steps, each batch meets the same model.
        learn.fit(1, 0.0).unwrap();
        watch.0.lock().unwrap().clone()
    };
    let mut areas = Vec::new();
    for (plain, mixed) in seen(false).into_iter().zip(seen(true)) {
        let differs =
            |at: usize| (0..64).any(|item| plain[item * 784 + at] != mixed[item * 784 + at]);
        let pixels: Vec<usize> = (0..784).filter(|&at| differs(at)).collect();
        areas.push(pixels.len() as f32 / 784.0);
        // Each mixed image is another image of the batch in the box.
        for item in 0..64 {
            let is_partner = |other: usize| {
                pixels.iter().all(|&at| mixed[item * 784 + at] == plain[other * 784 + at])
            };
            assert!((0..64).any(is_partner));
        }
    }
    let mean = areas.iter().sum::<f32>() / areas.len() as f32;
    assert!((0.2..0.5).contains(&mean), "a box has {mean} of the area on average");
}

#[test]
fn mixed_training_learns_and_repeats() {
    let device = device::cpu().unwrap();
    let run = |mix_up: bool| {
        let dls = Splits::digits().unwrap().loaders(64, 42, &device).unwrap();
        let model = MlpConfig::new([784, 30, 10]).init(&device, 42).unwrap();
        let loss = CrossEntropy::new().label_smoothing(0.1);
        let mut learn = Learner::new(dls, model, loss);
        if mix_up {
            learn.add_callback(MixUp::new(0.4));
        } else {
            learn.add_callback(CutMix::new(1.0));
        }
        learn.fit_one_cycle(2, 1e-2).unwrap();
        let accuracy = learn.interpret().unwrap().accuracy();
        assert!(accuracy > 0.8, "{accuracy}");
        learn.history().steps.clone()
    };
    for mix_up in [true, false] {
        assert_eq!(run(mix_up), run(mix_up));
    }
}

#[test]
fn test_time_augmentation_weights_the_augmented_passes_by_three_quarters() {
    let device = device::cpu().unwrap();
    let (train, valid) = Splits::digits().unwrap().read(&ReadOptions::new(), &|_, _| {}).unwrap();
    // Always the same.
    let policy = || Augment::none().with(Flip::new().p(1.0));
    let dls =
        DataLoaders::from_images(train.augment(policy()), valid.clone(), class_indices, &device);
    let model = MlpConfig::new([784, 30, 10]).init(&device, 42).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new());
    learn.fit(1, 3e-3).unwrap();
    let seen = learn.tta(3).unwrap();

    let place = tempdir().unwrap();
    let file = place.path().join("flipped.safetensors");
    learn.export(&file).unwrap();
    let plain = Predictor::load(&file, &device).unwrap();
    let augmented = plain.clone().tta(3).unwrap();
    let whole = augmented.interpret(&valid).unwrap();
    for index in [0, 500, 999] {
        let pixels = valid.pixels(index).unwrap();
        let mirrored: Vec<u8> =
            pixels.chunks_exact(28).flat_map(|row| row.iter().rev().copied()).collect();
        let ask = |predictor: &Predictor, pixels: &[u8]| {
            predictor.predict_pixels(pixels, [1, 28, 28]).unwrap().probabilities
        };
        let (as_is, as_flipped) = (ask(&plain, &pixels), ask(&plain, &mirrored));
        let mixed = as_is.iter().zip(as_flipped).map(|(p, q)| 0.25 * p + 0.75 * q);
        let mixed: Vec<f32> = mixed.collect();
        assert_close(&ask(&augmented, &pixels), &mixed, 1e-4, 1e-6);
        assert_close(&whole.items[index].probabilities, &mixed, 1e-4, 1e-6);
        assert_close(&seen.items[index].probabilities, &mixed, 1e-4, 1e-6);
        let actual = seen.items[index].actual;
        assert_close(&[seen.items[index].loss], &[-mixed[actual].ln()], 1e-3, 1e-4);
    }
}

#[test]
fn test_time_augmentation_without_augmentation_is_an_error() {
    let device = device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(64, 42, &device).unwrap();
    let model = LinearConfig::new(784, 10).init(&device, 42).unwrap();
    let learn = Learner::new(dls, model, CrossEntropy::new());
    assert!(matches!(learn.tta(4), Err(Error::Usage { .. })));
    let place = tempdir().unwrap();
    let file = place.path().join("plain.safetensors");
    learn.export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    assert!(matches!(predictor.clone().tta(4), Err(Error::File { .. })));
    assert!(matches!(predictor.with_tta(0, Augment::digits()), Err(Error::Setting { .. })));
    let images = Images::decode(&Splits::digits().unwrap().valid).unwrap();
    assert!(images.augmentation().is_none());
}
