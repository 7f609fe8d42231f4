//! One backend against another.

use burn::tensor::Device;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::MlpConfig;
use fastburn::optim::OptimizerKind;
use fastburn::vision::Splits;

use crate::support::{assert_close, each_device};

/// The losses of the first 60 steps.
fn losses(device: &Device, optimizer: OptimizerKind) -> Vec<f32> {
    let dls = Splits::digits().unwrap().loaders(100, 7, device).unwrap();
    let model = MlpConfig::new([784, 30, 10]).init(device, 7).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new()).optimizer(optimizer);
    learn.fit(1, if optimizer == OptimizerKind::Sgd { 0.1 } else { 1e-3 }).unwrap();
    learn.history().steps.iter().map(|step| step.loss).collect()
}

#[test]
fn every_backend_takes_the_same_sixty_steps() {
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::Adam] {
        let expected = losses(&fastburn::device::cpu().unwrap(), optimizer);
        assert_eq!(expected.len(), 60);
        each_device(|device| assert_close(&losses(device, optimizer), &expected, 0.0, 1e-3));
    }
}
