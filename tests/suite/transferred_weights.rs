//! Weights of other programs as the body of a new model.

use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::layers::HeadConfig;
use fastburn::models::{
    AnyModel, Architecture, ConvNetConfig, LinearConfig, Model, ResNet, ResNetConfig, StateDict,
};

use crate::support::{assert_close, cpus, crate_path, values};

fn torchvisions() -> (StateDict, ResNetConfig) {
    let file = crate_path("tests/reference/narrow_resnet18.safetensors");
    (StateDict::open(file).unwrap(), ResNetConfig::resnet18(3, 5).with_widths([4, 6, 8, 10]))
}

#[test]
fn a_body_of_torchvision_gets_a_new_head() {
    let (weights, config) = torchvisions();
    for device in cpus() {
        let new = ResNetConfig { outputs: 7, ..config.clone() }.with_head(HeadConfig::fastai());
        let architecture = Architecture::of::<ResNet>(&new).unwrap();
        let transferred =
            weights.transfer_to::<Tensor<4>, AnyModel>(&architecture, &device, 3).unwrap();
        let found = StateDict::of(&transferred.model).unwrap();
        for name in weights.names().filter(|name| !name.starts_with("fc.")) {
            if weights.values(name).is_some() {
                assert_eq!(found.values(name), weights.values(name), "{name}");
            }
        }
        let drawn = StateDict::of(&new.init(&device, 3).unwrap()).unwrap();
        for name in found.names().filter(|name| name.starts_with("fc.")) {
            assert_eq!(found.values(name), drawn.values(name), "{name}");
        }
        assert!(transferred.made.iter().all(|name| name.starts_with("fc.")));
        assert_eq!(transferred.made.len() + transferred.loaded.len(), found.names().count());
    }
}

#[test]
fn a_grey_image_gives_the_features_of_three_equal_colours() {
    let (weights, config) = torchvisions();
    for device in cpus() {
        let mut colour = config.init(&device, 3).unwrap();
        weights.load_into(&mut colour).unwrap();
        let grey = ResNetConfig { channels: 1, ..config.clone() };
        let architecture = Architecture::of::<ResNet>(&grey).unwrap();
        let grey = weights.transfer_to::<Tensor<4>, AnyModel>(&architecture, &device, 3).unwrap();
        let AnyModel::ResNet(grey) = grey.model else { panic!("not a resnet") };
        let pixels: Vec<f32> = (0..33 * 33).map(|i| (i as f32 * 0.7).sin()).collect();
        let image = Tensor::<1>::from_floats(pixels.as_slice(), &device).reshape([1, 1, 33, 33]);
        let expected = values(colour.features(image.clone().repeat(&[1, 3, 1, 1])));
        assert_close(&values(grey.features(image)), &expected, 1e-4, 1e-4);
    }
}

#[test]
fn weights_of_another_body_are_refused_by_name() {
    let (weights, config) = torchvisions();
    let device = fastburn::device::cpu().unwrap();
    let error = |architecture: Result<Architecture, Error>| {
        let made = weights.transfer_to::<Tensor<4>, AnyModel>(&architecture.unwrap(), &device, 3);
        made.unwrap_err().to_string()
    };
    let wider = error(Architecture::of::<ResNet>(&config.clone().with_widths([4, 6, 8, 12])));
    assert!(wider.contains("layer4.0.bn1.bias has shape [10], expected [12]"), "{wider}");
    let deeper =
        error(Architecture::of::<ResNet>(&ResNetConfig::resnet34(3, 5).with_widths([4, 6, 8, 10])));
    assert!(deeper.contains("missing: layer1.2.conv1.weight"), "{deeper}");
    let other =
        error(Architecture::of::<fastburn::models::ConvNet>(&ConvNetConfig::new(3, [4], 2)));
    assert!(other.contains("unused: bn1.bias"), "{other}");
    let headless = error(Architecture::of::<fastburn::models::Linear>(&LinearConfig::new(4, 2)));
    assert!(headless.contains("has only a head"), "{headless}");
}

#[test]
fn a_model_from_other_weights_is_for_validation_until_it_is_trained() {
    let (weights, config) = torchvisions();
    let device = fastburn::device::cpu().unwrap();
    let architecture = Architecture::of::<ResNet>(&config).unwrap();
    let made = weights.transfer_to::<Tensor<4>, AnyModel>(&architecture, &device, 3).unwrap();
    let images = Tensor::ones([2, 3, 33, 33], &device);
    let [once, again] = [(); 2].map(|()| values(made.model.forward(images.clone())));
    assert_eq!(once, again);
}
