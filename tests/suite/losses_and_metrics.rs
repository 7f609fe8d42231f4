//! Losses and metrics: their values, their gradients, and the shapes they refuse.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use fastburn::Error;
use fastburn::loss::{cross_entropy, l1, mnist_loss, mse};
use fastburn::metrics::{Mean, Metric, accuracy, binary_accuracy, one_hot_accuracy};

use crate::support::{assert_close, each_device, values};

const POINTS: [f32; 6] = [-1.3, 0.4, 2.2, 0.7, -0.2, -2.5];
const TARGETS: [f32; 6] = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0];

fn at(points: &[f32; 6], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(points.to_vec(), [2, 3]), device)
}

/// The gradient by central differences, against autodiff's, at `POINTS`.
fn gradient_agrees(device: &Device, loss: impl Fn(Tensor<2>) -> Tensor<1>) -> bool {
    let training = device.clone().autodiff();
    let x = at(&POINTS, &training).require_grad();
    let gradient = values(x.grad(&loss(x.clone()).backward()).unwrap());
    let step = 1e-2;
    (0..6).all(|index| {
        let moved = |by: f32| {
            let mut points = POINTS;
            points[index] += by;
            values(loss(at(&points, device)))[0]
        };
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        (difference - gradient[index]).abs() < 1e-3
    })
}

#[test]
fn gradients_agree_with_finite_differences() {
    each_device(|device| {
        let targets = at(&TARGETS, device);
        let indices = Tensor::<1, Int>::from_data([2, 0], device);
        assert!(gradient_agrees(device, |x| mnist_loss(x, targets.clone()).unwrap()));
        assert!(gradient_agrees(device, |x| cross_entropy(x, indices.clone()).unwrap()));
        assert!(gradient_agrees(device, |x| mse(x, targets.clone()).unwrap()));
        assert!(gradient_agrees(device, |x| l1(x, targets.clone()).unwrap()));
        // The check itself can fail: half of this loss does not reach the gradient.
        assert!(!gradient_agrees(device, |x| (x.clone() * x.detach()).mean()));
    });
}

#[test]
fn mnist_loss_is_the_distance_of_the_sigmoid_from_the_target() {
    each_device(|device| {
        let p = activation::sigmoid(at(&POINTS, device));
        let where_one = at(&TARGETS, device).equal_scalar(1.0);
        let expected = p.clone().mask_where(where_one, p.neg() + 1.0).mean();
        let found = mnist_loss(at(&POINTS, device), at(&TARGETS, device)).unwrap();
        assert_close(&values(found), &values(expected), 1e-6, 0.0);
    });
}

#[test]
fn cross_entropy_of_large_logits_is_finite() {
    each_device(|device| {
        let logits = Tensor::<2>::from_data([[1000.0, 0.0], [-1000.0, 0.0]], device);
        let targets = Tensor::<1, Int>::from_data([0, 0], device);
        assert_close(&values(cross_entropy(logits, targets).unwrap()), &[500.0], 1e-6, 0.0);
    });
}

#[test]
fn a_metric_weighs_each_batch_by_its_size() {
    each_device(|device| {
        let mut metric = accuracy();
        let right = Tensor::<2>::from_data([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], device);
        let wrong = Tensor::<2>::from_data([[0.0, 1.0]], device);
        metric.update(right, Tensor::from_data([0, 0, 0], device), 3).unwrap();
        metric.update(wrong, Tensor::from_data([0], device), 1).unwrap();
        assert_eq!(Metric::<Tensor<2>, Tensor<1, Int>>::value(&mut metric).unwrap(), 0.75);
    });
}

#[test]
fn binary_accuracy_compares_on_the_same_side_of_the_threshold() {
    each_device(|device| {
        let predictions = Tensor::<2>::from_data([[0.4], [0.6], [0.6], [0.4]], device);
        let targets = Tensor::<2>::from_data([[0.0], [1.0], [1.0], [1.0]], device);
        for (threshold, expected) in [(0.5, 0.75), (0.45, 0.75), (0.0, 0.75), (0.7, 0.25)] {
            let mut metric = binary_accuracy(threshold);
            metric.update(predictions.clone(), targets.clone(), 4).unwrap();
            let found = Metric::<Tensor<2>, Tensor<2>>::value(&mut metric).unwrap();
            assert_eq!(found, expected, "threshold {threshold}");
        }
    });
}

#[test]
fn shapes_that_would_broadcast_are_refused_with_both_named() {
    let device = fastburn::device::cpu().unwrap();
    let floats = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
    let three = || Tensor::<1, Int>::zeros([3], &device);
    let refused: [(&str, fastburn::Result<()>); 7] = [
        ("mnist_loss", mnist_loss(floats([4, 1]), floats([1, 4])).map(drop)),
        ("mse", mse(floats([4, 1]), floats([1, 4])).map(drop)),
        ("l1", l1(floats([4, 1]), floats([4, 2])).map(drop)),
        ("cross_entropy", cross_entropy(floats([4, 2]), three()).map(drop)),
        ("accuracy", accuracy().update(floats([4, 2]), three(), 4)),
        ("one_hot_accuracy", one_hot_accuracy().update(floats([4, 2]), floats([2, 4]), 4)),
        ("binary_accuracy", binary_accuracy(0.0).update(floats([4, 1]), floats([1, 4]), 4)),
    ];
    for (name, result) in refused {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Shape { .. }));
        let message = error.to_string();
        assert!(message.contains(name) && message.contains("found"), "{message}");
        assert!(message.contains('4'), "{message}");
    }
}

#[test]
fn a_metric_that_is_not_averaged_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    let mut metric = Mean::new("raw", |x: Tensor<1>, y: Tensor<1>| Ok(x - y));
    let rows = Tensor::<1>::zeros([3], &device);
    let error = metric.update(rows.clone(), rows, 3).unwrap_err();
    assert!(error.to_string().contains("one number") && error.to_string().contains("[3]"));
}
