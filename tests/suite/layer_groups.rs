//! Layer groups: what is frozen, and what learns how fast.

use burn::tensor::{Device, Tensor, TensorData};
use fastburn::Error;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::{FineTune, Learner, Rates};
use fastburn::loss::Mse;
use fastburn::models::{LayerGroup, LinearConfig, Mlp, MlpConfig};
use fastburn::optim::OptimizerKind;

use crate::support::{each_device, values};

type Regression = Learner<(Mlp, Tensor<2>, Tensor<2>)>;

/// A net of three layers and one batch of ten rows an epoch.
fn learner(device: &Device, optimizer: OptimizerKind) -> Regression {
    let rows = |columns: usize| {
        let values = (0..10 * columns).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0);
        let data = TensorData::new(values.collect::<Vec<f32>>(), [10, columns]);
        Tensor::<2>::from_data(data, device)
    };
    let data = TensorSource::new(rows(3), rows(2)).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(10).unwrap();
    let model = MlpConfig::new([3, 5, 4, 2]).init(device, 1).unwrap();
    Learner::new(dls, model, Mse).optimizer(optimizer)
}

fn weights(learn: &Regression) -> Vec<Vec<f32>> {
    let layers = learn.model().layers.iter();
    let both = |layer: &burn::nn::Linear| {
        [values(layer.weight.val()), values(layer.bias.as_ref().unwrap().val())].concat()
    };
    layers.map(both).collect()
}

/// How far each layer has moved, as the norm of the difference.
fn moved(before: &[Vec<f32>], after: &[Vec<f32>]) -> Vec<f64> {
    let norm = |(a, b): (&Vec<f32>, &Vec<f32>)| {
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    before.iter().zip(after).map(norm).collect()
}

#[test]
fn frozen_weights_stay_what_they_are_to_the_bit() {
    each_device(|device| {
        // Adam's weight decay and momentum would move what has no gradient too.
        for optimizer in [OptimizerKind::Adam, OptimizerKind::Momentum] {
            let mut learn = learner(device, optimizer);
            learn.fit(2, 0.01).unwrap();
            let first = weights(&learn);
            learn.freeze().unwrap();
            learn.fit(2, 0.01).unwrap();
            let second = weights(&learn);
            assert_eq!(first[..2], second[..2]);
            assert_ne!(first[2], second[2]);
            learn.unfreeze().unwrap();
            learn.fit(1, 0.01).unwrap();
            assert!(moved(&second, &weights(&learn)).iter().all(|&way| way > 0.0));
        }
    });
}

#[test]
fn groups_move_in_the_ratio_of_their_rates() {
    let groups = ["layers.0", "layers.1", "layers.2"].map(|path| LayerGroup::new(path, [path]));
    each_device(|device| {
        let step = |lr: Rates| {
            let mut learn = learner(device, OptimizerKind::Sgd).layer_groups(groups.clone());
            let before = weights(&learn);
            learn.fit(1, lr).unwrap();
            moved(&before, &weights(&learn))
        };
        let even = step(Rates::from(0.1));
        let sliced = step(Rates::slice(0.001, 0.1));
        for (layer, share) in [0.01, 0.1, 1.0].into_iter().enumerate() {
            let found = sliced[layer] / even[layer];
            assert!((found / share - 1.0).abs() < 1e-2, "layer {layer}: {found}");
        }
    });
}

#[test]
fn a_schedule_keeps_the_ratio_of_the_rates() {
    let device = fastburn::device::cpu().unwrap();
    let mut even = learner(&device, OptimizerKind::Sgd);
    let mut sliced = learner(&device, OptimizerKind::Sgd);
    let before = weights(&even);
    even.fit_one_cycle(1, 1.0).unwrap();
    sliced.fit_one_cycle(1, Rates::slice(0.1, 1.0)).unwrap();
    let (even, sliced) = (moved(&before, &weights(&even)), moved(&before, &weights(&sliced)));
    // The two hidden layers are the body, the last one is the head.
    for (layer, share) in [0.1, 0.1, 1.0].into_iter().enumerate() {
        assert!((sliced[layer] / even[layer] / share - 1.0).abs() < 1e-2);
    }
}

#[test]
fn fine_tuning_trains_the_head_and_then_everything() {
    let device = fastburn::device::cpu().unwrap();
    let mut learn = learner(&device, OptimizerKind::Adam);
    let before = weights(&learn);
    learn.fine_tune_with(0, FineTune { freeze_epochs: 2, ..FineTune::default() }).unwrap();
    assert_eq!(before[..2], weights(&learn)[..2]);
    assert_ne!(before[2], weights(&learn)[2]);
    learn.fine_tune(3).unwrap();
    assert!(moved(&before, &weights(&learn)).iter().all(|&way| way > 0.0));
    let lrs: Vec<f64> = learn.history().steps.iter().map(|step| step.lr).collect();
    // One batch an epoch: two frozen ones, one frozen one, and three of which the peak is half.
    assert_eq!(lrs.len(), 6);
    assert!((lrs[0] - 2e-3 / 25.0).abs() < 1e-12 && (lrs[3] - 1e-3 / 5.0).abs() < 1e-12);
}

#[test]
fn groups_that_do_not_hold_each_parameter_once_are_refused() {
    let device = fastburn::device::cpu().unwrap();
    let group = |path: &str| LayerGroup::new(path, [path]);
    for (groups, expected) in [
        (vec![group("layers.0"), group("layers.1")], "found layers.2.weight in none"),
        (
            vec![group("layers.0"), group("layers.1"), group("laiers.2")],
            "; no parameter begins with laiers.2",
        ),
        (vec![group("layers"), group("layers.2")], "found layers.2.weight in two"),
        (vec![group("layers"), group("layer")], "found none in layer"),
        (vec![], "found layers.0.weight in none"),
    ] {
        let error = learner(&device, OptimizerKind::Sgd).layer_groups(groups).freeze().unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    for out_of_range in [2, -3] {
        let error = learner(&device, OptimizerKind::Sgd).freeze_to(out_of_range).unwrap_err();
        assert!(error.to_string().contains("expected -2 to 1"), "{error}");
    }
}

#[test]
fn a_model_of_one_group_has_nothing_to_freeze() {
    let device = fastburn::device::cpu().unwrap();
    let x = Tensor::<2>::ones([4, 2], &device);
    let data = TensorSource::new(x.clone(), x).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4).unwrap();
    let model = LinearConfig::new(2, 2).init(&device, 0).unwrap();
    let mut learn = Learner::new(dls, model, Mse);
    learn.freeze().unwrap();
    let before = values(learn.model().layer.weight.val());
    learn.fit(1, Rates::slice(1e-3, 1e-2)).unwrap();
    assert_ne!(before, values(learn.model().layer.weight.val()));
}

#[test]
fn rates_that_cannot_work_are_refused() {
    let device = fastburn::device::cpu().unwrap();
    for rates in [Rates::from(-1.0), Rates::from(f64::NAN), Rates::slice(0.0, 1.0)] {
        let error = learner(&device, OptimizerKind::Sgd).fit(1, rates).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
}
