//! Metrics and the smoothed loss, against scikit-learn and PyTorch.

use burn::tensor::{Device, Int, Tensor, TensorData};
use fastburn::Error;
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Loss, Outputs, cross_entropy};
use fastburn::metrics::{
    FromConfusion, Metric, accuracy, error_rate, f_beta, f1, mae, mse, precision, recall, rmse,
    top_k_accuracy,
};
use fastburn::models::LinearConfig;
use fastburn::records::{Average, ClassScores, Confusion};
use fastburn::vision::Predictor;
use fastburn::vision::Splits;

use crate::support::{Reference, assert_close, each_device, values};

const ITEMS: usize = 103;
const AVERAGES: [(Average, &str); 3] =
    [(Average::Macro, "macro"), (Average::Micro, "micro"), (Average::Weighted, "weighted")];

fn reference() -> Reference {
    Reference::open("metrics.safetensors")
}

fn targets(reference: &Reference, device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(reference.ints("targets"), [ITEMS]), device)
}

/// A metric's value over all items, which come in batches of 64, 1 and 38.
fn in_batches<T: Clone>(
    mut metric: impl Metric<Tensor<2>, T>,
    predictions: &Tensor<2>,
    targets: &T,
    slice: impl Fn(T, std::ops::Range<usize>) -> T,
) -> f64 {
    for rows in [0..64, 64..65, 65..ITEMS] {
        let batch = predictions.clone().slice(rows.clone());
        let items = rows.len();
        metric.update(batch, slice(targets.clone(), rows), items).unwrap();
    }
    metric.value().unwrap()
}

/// A metric of classes on a device, over all items.
fn of_classes(metric: impl Metric<Tensor<2>, Tensor<1, Int>>, device: &Device) -> f64 {
    let reference = reference();
    let logits = reference.tensor::<2>("logits", device);
    in_batches(metric, &logits, &targets(&reference, device), |all, rows| all.slice(rows))
}

#[track_caller]
fn assert_is(found: f64, name: &str) {
    let expected = f64::from(reference().floats(name)[0]);
    assert!((found - expected).abs() < 1e-6, "{name}: {found} is not {expected}");
}

/// The counts of the predictions, made on the CPU.
fn confusion() -> Confusion {
    let device = fastburn::device::cpu().unwrap();
    let reference = reference();
    let predicted = values(reference.tensor::<2>("logits", &device).argmax(1).float());
    let mut confusion = Confusion::new((0..7).map(|class: usize| class.to_string()).collect());
    for (actual, predicted) in reference.ints("targets").into_iter().zip(predicted) {
        confusion.add(actual as usize, predicted as usize);
    }
    confusion
}

#[test]
fn the_scores_of_each_class_are_those_of_scikit_learn() {
    let (reference, confusion) = (reference(), confusion());
    let counts: Vec<i32> = confusion.counts.iter().flatten().map(|&count| count as i32).collect();
    assert_eq!(counts, reference.ints("confusion"));
    let scores = confusion.scores();
    let all = |score: fn(&ClassScores) -> f64| -> Vec<f32> {
        scores.iter().map(|class| score(class) as f32).collect()
    };
    assert_close(&all(|class| class.precision), &reference.floats("precision"), 1e-6, 0.0);
    assert_close(&all(|class| class.recall), &reference.floats("recall"), 1e-6, 0.0);
    assert_close(&all(|class| class.f_beta(1.0)), &reference.floats("f1"), 1e-6, 0.0);
    let support: Vec<i32> = scores.iter().map(|class| class.support as i32).collect();
    assert_eq!(support, reference.ints("support"));
}

#[test]
fn averages_over_the_classes_are_those_of_scikit_learn() {
    let confusion = confusion();
    for (average, name) in AVERAGES {
        assert_is(confusion.precision(average), &format!("precision {name}"));
        assert_is(confusion.recall(average), &format!("recall {name}"));
        for beta in [0.5, 1.0, 2.0] {
            assert_is(confusion.f_beta(beta, average), &format!("f{beta} {name}"));
        }
        assert!(Confusion::new(vec![String::new(); 2]).recall(average).is_nan());
    }
}

#[test]
fn metrics_of_classes_are_those_of_scikit_learn_over_uneven_batches() {
    each_device(|device| {
        assert_is(of_classes(error_rate(), device), "error_rate");
        for k in 1..=5 {
            assert_is(of_classes(top_k_accuracy(k), device), &format!("top_k_accuracy {k}"));
        }
        for (average, name) in AVERAGES {
            assert_is(of_classes(precision(average), device), &format!("precision {name}"));
            assert_is(of_classes(recall(average), device), &format!("recall {name}"));
            assert_is(of_classes(f1(average), device), &format!("f1 {name}"));
            for beta in [0.5, 2.0] {
                let metric = f_beta(beta, average);
                assert_eq!(metric.name(), format!("f{beta}"));
                assert_is(of_classes(metric, device), &format!("f{beta} {name}"));
            }
        }
    });
}

#[test]
fn a_function_of_the_counts_is_a_metric() {
    fn kappa(confusion: &Confusion) -> f64 {
        let classes = 0..confusion.classes.len();
        let items = confusion.counts.iter().flatten().sum::<usize>() as f64;
        let by_chance: f64 = classes
            .map(|class| (confusion.support(class) * confusion.prediction_count(class)) as f64)
            .sum();
        let by_chance = by_chance / (items * items);
        (confusion.accuracy() - by_chance) / (1.0 - by_chance)
    }
    each_device(|device| {
        let metric = FromConfusion::new("kappa", kappa);
        assert_is(of_classes(metric, device), "kappa");
    });
}

#[test]
fn distances_are_those_of_scikit_learn_over_uneven_batches() {
    each_device(|device| {
        let reference = reference();
        let predictions = reference.tensor::<2>("predictions", device);
        let targets = reference.tensor::<2>("values", device);
        let slice = |all: Tensor<2>, rows| all.slice(rows);
        assert_is(in_batches(mse(), &predictions, &targets, slice), "mse");
        assert_is(in_batches(rmse(), &predictions, &targets, slice), "rmse");
        assert_is(in_batches(mae(), &predictions, &targets, slice), "mae");
    });
}

#[test]
fn the_smoothed_loss_and_its_gradient_are_those_of_pytorch() {
    each_device(|device| {
        let reference = reference();
        let training = device.clone().autodiff();
        for epsilon in ["0.0", "0.1", "0.3"] {
            let logits = reference.tensor::<2>("logits", &training).require_grad();
            let targets = targets(&reference, &training);
            let smoothed = CrossEntropy::new().label_smoothing(epsilon.parse().unwrap());
            let loss = smoothed.compute(logits.clone(), targets).unwrap();
            let gradient = logits.grad(&loss.backward()).unwrap();
            let expected = reference.floats(&format!("label_smoothing {epsilon}"));
            assert_close(&values(loss), &expected, 1e-6, 0.0);
            let expected = reference.floats(&format!("grad.{epsilon}"));
            assert_close(&values(gradient), &expected, 1e-6, 1e-7);
        }
        let logits = reference.tensor::<2>("logits", device);
        let plain = cross_entropy(logits.clone(), targets(&reference, device)).unwrap();
        let smoothed = CrossEntropy::new().label_smoothing(0.0);
        let smoothed = smoothed.compute(logits, targets(&reference, device)).unwrap();
        assert_close(&values(smoothed), &values(plain), 1e-6, 0.0);
    });
}

#[test]
fn the_best_of_equal_logits_is_the_first_and_a_logit_that_is_no_number_is_never_right() {
    each_device(|device| {
        let logits = Tensor::<2>::from_data([[0.0; 3], [0.0; 3], [f32::NAN; 3]], device);
        let targets = Tensor::<1, Int>::from_data([0, 1, 0], device);
        let top = |k| {
            let mut metric = top_k_accuracy(k);
            metric.update(logits.clone(), targets.clone(), 3).unwrap();
            (metric.value().unwrap() * 3.0).round()
        };
        assert_eq!((top(1), top(2), top(3)), (1.0, 2.0, 3.0));
    });
}

#[test]
fn a_metric_of_classes_begins_anew_for_each_pass() {
    each_device(|device| {
        let wrong = Tensor::<2>::from_data([[0.0, 1.0]], device);
        let right = Tensor::<2>::from_data([[1.0, 0.0], [0.0, 1.0]], device);
        let mut metric = recall(Average::Micro);
        assert!(metric.value().unwrap().is_nan());
        metric.update(wrong, Tensor::from_data([0], device), 1).unwrap();
        assert_eq!(metric.value().unwrap(), 0.0);
        metric.reset();
        metric.update(right, Tensor::from_data([0, 1], device), 2).unwrap();
        assert_eq!(metric.value().unwrap(), 1.0);
    });
}

#[test]
fn what_does_not_fit_a_metric_of_classes_is_named() {
    let device = fastburn::device::cpu().unwrap();
    let logits = |classes| Tensor::<2>::zeros([4, classes], &device);
    let targets = |rows| Tensor::<1, Int>::zeros([rows], &device);
    let refused = |result: fastburn::Result<()>, words: &[&str]| {
        let message = result.unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    };
    refused(error_rate().update(logits(2), targets(3), 4), &["error_rate", "4", "found 3"]);
    refused(top_k_accuracy(1).update(logits(2), targets(3), 4), &["top_k_accuracy", "found 3"]);
    refused(top_k_accuracy(0).update(logits(2), targets(4), 4), &["top_k_accuracy 0", "1 to 2"]);
    refused(top_k_accuracy(3).update(logits(2), targets(4), 4), &["top_k_accuracy 3", "1 to 2"]);

    let mut metric = precision(Average::Macro);
    refused(metric.update(logits(2), targets(3), 4), &["classification metric", "found 3"]);
    metric.update(logits(2), targets(4), 4).unwrap();
    refused(metric.update(logits(5), targets(4), 4), &["2 classes", "found 5"]);
    // All are of class 0 and taken for it; class 1 does not occur.
    assert_eq!(metric.value().unwrap(), 1.0);

    let mut metric = f1(Average::Macro);
    let outside = Tensor::<1, Int>::from_data([0, 1, 2, -1], &device);
    metric.update(logits(2), outside, 4).unwrap();
    refused(metric.value().map(drop), &["targets from 0 to 1", "2 others among 4"]);
}

#[test]
fn what_does_not_fit_a_distance_is_named() {
    let device = fastburn::device::cpu().unwrap();
    let floats = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
    for (name, result) in [
        ("mse", mse().update(floats([4, 1]), floats([1, 4]), 4)),
        ("rmse", rmse().update(floats([4, 1]), floats([1, 4]), 4)),
        ("mae", mae().update(floats([4, 1]), floats([1, 4]), 4)),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with(name) && message.contains("[1, 4]"), "{message}");
    }
}

#[test]
fn a_smoothing_that_leaves_nothing_to_the_target_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    let loss = |epsilon, rows| {
        let logits = Tensor::<2>::zeros([2, 3], &device);
        let smoothed = CrossEntropy::new().label_smoothing(epsilon);
        smoothed.compute(logits, Tensor::zeros([rows], &device)).unwrap_err()
    };
    for epsilon in [-0.1, 1.0, f64::NAN] {
        let error = loss(epsilon, 2);
        assert!(error.is_usage() && error.to_string().contains(&epsilon.to_string()), "{error}");
    }
    assert!(matches!(loss(0.1, 3), Error::Shape { what: "cross_entropy", .. }));
}

#[test]
fn a_learner_trains_on_the_smoothed_loss_and_names_it_in_the_model_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let device = fastburn::device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(64, 1, &device).unwrap();
    let model = LinearConfig::new(784, 10).init(&device, 1).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new().label_smoothing(0.1))
        .metric(accuracy())
        .metric(recall(Average::Micro))
        .metric(error_rate())
        .metric(top_k_accuracy(5));
    learn.fit(1, 3e-3).unwrap();
    let measured = learn.validate().unwrap().metrics;
    assert!(measured[0] > 0.7 && measured[3] > measured[0], "{measured:?}");
    assert!((measured[0] - measured[1]).abs() < 1e-6, "{measured:?}");
    assert!((measured[0] + measured[2] - 1.0).abs() < 1e-6, "{measured:?}");

    learn.export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    let card = predictor.card();
    assert_eq!((card.loss.as_str(), card.outputs), ("label-smoothing", Outputs::Softmax));
}
