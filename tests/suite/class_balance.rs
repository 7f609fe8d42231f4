//! Classes of uneven sizes: weights in the loss, weights in what is drawn, and a cap.

use std::num::NonZeroUsize;

use burn::data::dataset::Dataset;
use burn::tensor::{Int, Tensor, TensorData};
use fastburn::Seed;
use fastburn::data::{
    BatchItems, DataLoader, DataLoaders, TensorSource, balanced_weights, class_indices,
};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Loss};
use fastburn::metrics::Mean;
use fastburn::models::{LinearConfig, Model};
use fastburn::vision::{OpenOptions, Splits};

use crate::program::{output, stderr, stdout, timeless};
use crate::support::{Reference, assert_close, each_device, values};

fn reference() -> Reference {
    Reference::open("class_balance.safetensors")
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

/// A loader of that many items, whose inputs are their own numbers.
fn loader(items: i64) -> DataLoader<Tensor<1>, Tensor<1, Int>> {
    let device = fastburn::device::cpu().unwrap();
    let numbers = Tensor::<1, Int>::arange(0..items, &device);
    DataLoader::new(Numbers(numbers)).shuffle(Seed::new(3))
}

struct Numbers(Tensor<1, Int>);

impl fastburn::data::Source<Tensor<1>, Tensor<1, Int>> for Numbers {
    fn len(&self) -> usize {
        self.0.dims()[0]
    }

    fn gather(
        &self,
        items: BatchItems<'_>,
        device: &burn::tensor::Device,
    ) -> fastburn::Result<(Tensor<1>, Tensor<1, Int>)> {
        let indices = items.indices;
        let numbers: Vec<f32> = indices.iter().map(|&index| index as f32).collect();
        let numbers = Tensor::from_data(TensorData::new(numbers, [indices.len()]), device);
        Ok((numbers, class_indices(indices, 0, device)))
    }
}

#[test]
fn weighted_losses_and_their_gradients_are_pytorchs() {
    let reference = reference();
    each_device(|device| {
        let device = device.clone().autodiff();
        let targets = TensorData::new(reference.ints("targets"), [50]);
        let targets = Tensor::<1, Int>::from_data(targets, &device);
        for name in ["weights", "own_weights"] {
            let weights = doubles(&reference.floats(name));
            for epsilon in [0.0, 0.1, 0.3] {
                let logits = reference.tensor::<2>("logits", &device).require_grad();
                let weighted = CrossEntropy::new().weights(weights.clone());
                let smoothed = weighted.clone().label_smoothing(epsilon);
                let found = smoothed.compute(logits.clone(), targets.clone()).unwrap();
                let gradient = logits.grad(&found.backward()).unwrap();
                let key = format!("{name}.{epsilon:?}");
                let expected = reference.floats(&format!("loss.{key}"));
                assert_close(&values(found.clone()), &expected, 1e-5, 0.0);
                let expected = reference.floats(&format!("grad.{key}"));
                assert_close(&values(gradient), &expected, 1e-4, 1e-6);
                if epsilon == 0.0 {
                    let plain = weighted.compute(logits, targets.clone()).unwrap();
                    assert_eq!(values(plain), values(found));
                }
            }
        }
    });
}

#[test]
fn equal_weights_are_none() {
    let reference = reference();
    each_device(|device| {
        let logits = || reference.tensor::<2>("logits", device);
        let targets = TensorData::new(reference.ints("targets"), [50]);
        let targets = || Tensor::<1, Int>::from_data(targets.clone(), device);
        for smoothing in [0.0, 0.2] {
            let plain = CrossEntropy::new().label_smoothing(smoothing);
            let weighted = plain.clone().weights([0.3; 4]).compute(logits(), targets()).unwrap();
            let plain = plain.compute(logits(), targets()).unwrap();
            assert_close(&values(weighted), &values(plain), 1e-5, 0.0);
        }
    });
}

#[test]
fn balanced_weights_are_scikit_learns() {
    let reference = reference();
    let labels: Vec<u32> = reference.ints("targets").iter().map(|&l| l.cast_unsigned()).collect();
    let found: Vec<f32> = balanced_weights(&labels, 4).unwrap().iter().map(|&w| w as f32).collect();
    assert_close(&found, &reference.floats("weights"), 1e-6, 0.0);

    let error = balanced_weights(&[0, 2], 3).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("found none of class 1"), "{error}");
    let error = balanced_weights(&[0, 3], 3).unwrap_err().to_string();
    assert!(error.contains("label 3"), "{error}");
}

#[test]
fn weights_that_weigh_nothing_are_refused() {
    let device = fastburn::device::cpu().unwrap();
    let loss = |weights: Vec<f64>, rows| {
        let targets = class_indices(&[0, 1], 2, &device);
        let logits = Tensor::<2>::zeros([rows, 2], &device);
        CrossEntropy::new().weights(weights).compute(logits, targets).unwrap_err().to_string()
    };
    assert!(loss(vec![1.0; 3], 2).contains("expected 2, one for each class, found 3"));
    assert!(loss(vec![1.0; 2], 3).contains("cross_entropy"));
    assert!(loss(vec![1.0, -1.0], 2).contains("class weight -1"));
    assert!(loss(vec![1.0, f64::NAN], 2).contains("NaN"));

    let drawn = |weights: Vec<f64>| loader(3).weights(weights).unwrap_err().to_string();
    assert!(drawn(vec![1.0; 2]).contains("number of item weights 2: expected 3"));
    assert!(drawn(vec![1.0, -0.5, 1.0]).contains("item weight -0.5"));
    assert!(drawn(vec![1.0, f64::INFINITY, 1.0]).contains("inf:"));
    assert!(drawn(vec![0.0; 3]).contains("sum of the item weights 0"));
    assert!(drawn(vec![f64::MAX; 3]).contains("sum of the item weights inf"));
}

#[test]
fn items_are_drawn_as_often_as_their_weights_say() {
    let weights = [0.0, 1.0, 2.0, 5.0, 0.5, 1.5];
    let copies = 2000;
    let items = weights.len() * copies;
    let all = (0..items).map(|item| weights[item % weights.len()]).collect();
    let loader = loader(items as i64).weights(all).unwrap();
    let mut counts = [0_usize; 6];
    loader.order(7).iter().for_each(|&item| counts[item as usize % weights.len()] += 1);
    assert_eq!(counts.iter().sum::<usize>(), items);
    assert_eq!(counts[0], 0);
    let chi_square: f64 = (1..6)
        .map(|kind| {
            let expected = items as f64 * weights[kind] / 10.0;
            (counts[kind] as f64 - expected).powi(2) / expected
        })
        .sum();
    // Of four degrees of freedom, one in a million is above 33.
    assert!(chi_square < 33.0, "{chi_square}: {counts:?}");
    // The check itself can fail: against even weights it does.
    let even = items as f64 / 5.0;
    let against_even: f64 = counts[1..].iter().map(|&c| (c as f64 - even).powi(2) / even).sum();
    assert!(against_even > 1000.0);
}

#[test]
fn what_an_epoch_draws_comes_from_the_seed_and_its_number_alone() {
    let draw = |seed, epoch| {
        let weights = (0..100).map(f64::from).collect();
        loader(100).weights(weights).unwrap().shuffle(Seed::new(seed)).order(epoch).to_vec()
    };
    assert_eq!(draw(1, 0), draw(1, 0));
    assert_ne!(draw(1, 0), draw(1, 1));
    assert_ne!(draw(1, 0), draw(2, 0));
    // These numbers are part of what "same seed" means.
    assert_eq!(draw(1, 0)[..5], [84, 61, 98, 84, 46]);
}

#[test]
fn validation_goes_through_every_item_once() {
    let device = fastburn::device::cpu().unwrap();
    let rows = Tensor::<2>::zeros([4, 1], &device);
    let source = TensorSource::new(rows.clone(), rows).unwrap();
    let mut dls = DataLoaders::new(source.clone(), source, 0);
    dls.train = dls.train.weights(vec![0.0, 1.0, 0.0, 0.0]).unwrap();
    assert_eq!(*dls.train.order(0), [1, 1, 1, 1]);
    assert_eq!(*dls.valid.order(0), [0, 1, 2, 3]);
}

#[test]
fn a_cap_leaves_so_many_of_each_class_drawn_by_the_seed_in_their_order() {
    let digits = "assets/digits.tgz";
    let capped = |count, seed| {
        let count = NonZeroUsize::new(count).unwrap();
        OpenOptions::new().seed(seed).max_per_class(count).open(digits).unwrap()
    };
    let names = |splits: &Splits| -> Vec<String> {
        (0..splits.train.len()).map(|index| splits.train.file_name(index)).collect()
    };
    let some = capped(7, 1);
    assert_eq!((some.train.len(), some.valid.len()), (70, 70));
    assert!((0..10).all(|c| some.train.labels().iter().filter(|&&l| l == c).count() == 7));
    assert!(names(&some).is_sorted());
    assert_eq!(names(&some), names(&capped(7, 1)));
    assert_ne!(names(&some), names(&capped(7, 2)));
    // A larger number gets these and others; one above all gets all.
    let more = names(&capped(9, 1));
    assert!(names(&some).iter().all(|name| more.contains(name)));
    assert_eq!(capped(100_000, 1).train.len(), 6000);
}

#[test]
fn the_program_balances_and_caps() {
    let train = |arguments: &[&str]| {
        let fixed = ["--device", "cpu", "--epochs", "1", "--max-per-class", "30"];
        output(&[&fixed, arguments].concat())
    };
    let plain = train(&[]);
    assert!(
        stderr(&plain).contains("300 training and 300 validation images of 28×28"),
        "{}",
        stderr(&plain)
    );
    let by_loss = train(&["--balance", "loss"]);
    // All classes have as many images, so that all weights are 1.
    assert_eq!(timeless(&stdout(&by_loss)), timeless(&stdout(&plain)));
    assert!(stderr(&by_loss).contains("(balanced by loss)"), "{}", stderr(&by_loss));
    let by_sampling = train(&["--balance", "sampling"]);
    assert!(by_sampling.status.success());
    assert_ne!(timeless(&stdout(&by_sampling)), timeless(&stdout(&plain)));
    assert!(train(&["--balance", "loss", "--label-smoothing", "0.1"]).status.success());

    let refused = train(&["--balance", "loss", "--loss", "mnist"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--balance sampling"), "{}", stderr(&refused));
}

#[test]
fn a_run_goes_on_with_what_it_draws_and_with_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("run");
    let checkpoints = checkpoints.to_str().unwrap();
    let train = |arguments: &[&str]| {
        // Of a schedule, half of two epochs are not one epoch.
        let fixed = ["--device", "cpu", "--max-per-class", "30", "--schedule", "constant"];
        output(&[&fixed, arguments].concat())
    };
    let whole = train(&["--epochs", "2", "--balance", "sampling"]);
    train(&["--epochs", "1", "--balance", "sampling", "--checkpoint", checkpoints]);
    let resume = ["--epochs", "2", "--force", "--resume", checkpoints];
    let changed = train(&[&resume[..], &["--balance", "loss"]].concat());
    assert!(stderr(&changed).contains("--balance loss"), "{}", stderr(&changed));
    let resumed = train(&resume);
    assert_eq!(timeless(&stdout(&resumed)), timeless(&stdout(&whole)), "{}", stderr(&resumed));
}

#[test]
fn a_weighted_validation_loss_is_that_of_the_whole_set_at_any_batch_size() {
    let reference = reference();
    each_device(|device| {
        // In the order of their classes, so that batches differ most in the sum of their weights.
        let targets = reference.ints("targets");
        let mut order: Vec<i32> = (0..50).collect();
        order.sort_by_key(|&item| targets[item as usize]);
        let order = Tensor::<1, Int>::from_data(TensorData::new(order, [50]), device);
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [50]), device);
        let targets = targets.select(0, order.clone());
        let inputs = reference.tensor::<2>("logits", device).select(0, order);
        let source = Rows { inputs: inputs.clone(), targets: targets.clone() };
        let loss = CrossEntropy::new().weights(doubles(&reference.floats("own_weights")));
        for loss in [loss.clone(), loss.label_smoothing(0.1)] {
            let model = LinearConfig::new(4, 4).init(device, 1).unwrap();
            let whole = loss.compute(model.forward(inputs.clone()), targets.clone()).unwrap();
            let whole = f64::from(values(whole)[0]);
            for size in [1, 3, 7, 16, 49, 50] {
                let dls = DataLoaders::new(source.clone(), source.clone(), 0);
                let dls = dls.batch_size(size).unwrap();
                let measured = loss.clone();
                let metric = Mean::new("weighted", move |outputs, targets: Tensor<1, Int>| {
                    let weight = measured.batch_weight(&outputs, &targets)?.unwrap();
                    Ok((measured.compute(outputs, targets)?, weight))
                });
                let mut learn = Learner::new(dls, model.clone(), loss.clone()).metric(metric);
                let found = learn.validate().unwrap();
                for value in [found.loss, found.metrics[0]] {
                    assert!((value - whole).abs() < 1e-5 * whole, "{size}: {value}, not {whole}");
                }
            }
        }
    });
}

/// Rows of numbers with the class of each.
#[derive(Clone)]
struct Rows {
    inputs: Tensor<2>,
    targets: Tensor<1, Int>,
}

impl fastburn::data::Source<Tensor<2>, Tensor<1, Int>> for Rows {
    fn len(&self) -> usize {
        self.targets.dims()[0]
    }

    fn gather(
        &self,
        items: BatchItems<'_>,
        device: &burn::tensor::Device,
    ) -> fastburn::Result<(Tensor<2>, Tensor<1, Int>)> {
        let indices: Vec<i32> = items.indices.iter().map(|&index| index as i32).collect();
        let count = indices.len();
        let indices = Tensor::from_data(TensorData::new(indices, [count]), device);
        Ok((
            self.inputs.clone().select(0, indices.clone()),
            self.targets.clone().select(0, indices),
        ))
    }
}
