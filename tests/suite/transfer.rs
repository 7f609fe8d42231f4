//! Transfer: a trained body, and a head for other classes.

use burn::module::{Module, ParamGroup};
use burn::tensor::{Tensor, TensorData};
use fastburn::Error;
use fastburn::data::InputFormat;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{
    Activation, AnyModel, LinearConfig, Mlp, MlpConfig, Model, Registry, StateDict,
};
use fastburn::vision::{ImageSpec, Splits};
use fastburn::vision::{Predictor, PretrainedModel};

use crate::model_files::{learner_of, trained};
use crate::support::{assert_close, each_device, values};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

#[test]
fn the_body_is_kept_to_the_bit_and_the_head_is_drawn_by_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    each_device(|device| {
        let config = MlpConfig::new([6, 5, 4, 3]).with_activation(Activation::Sigmoid);
        let before = AnyModel::from(config.init(device, 1).unwrap());
        learner_of(before.clone(), [1, 2, 3], names(3), device).export(&file).unwrap();
        let trained = StateDict::of(&before).unwrap();

        let pretrained = PretrainedModel::load(&file, device).unwrap();
        let transferred = pretrained.model_for(7, 42).unwrap();
        assert_eq!(
            transferred.to_string(),
            "loaded  0.bias [5], 0.weight [5, 6], 2.bias [4], 2.weight [4, 5]\n\
             made    4.bias [7], 4.weight [7, 4]"
        );
        let architecture = transferred.model.architecture().unwrap();
        let config = architecture.config::<Mlp>().unwrap();
        assert_eq!(
            (&config.widths[..], config.activation),
            (&[6, 5, 4, 7][..], Activation::Sigmoid)
        );
        let weights = StateDict::of(&transferred.model).unwrap();
        for name in ["0.bias", "0.weight", "2.bias", "2.weight"] {
            assert_eq!(weights.values(name), trained.values(name), "{name}");
        }
        // The head of a new model of that seed.
        let new = StateDict::of(&config.init(device, 42).unwrap()).unwrap();
        for name in ["4.bias", "4.weight"] {
            assert_eq!(weights.values(name), new.values(name), "{name}");
        }
        let other = pretrained.model_for(7, 43).unwrap();
        let other = StateDict::of(&other.model).unwrap();
        assert_ne!(other.values("4.weight"), weights.values("4.weight"));
        assert_eq!(other.values("2.weight"), weights.values("2.weight"));
        let outputs = transferred.model.forward(Tensor::zeros([2, 1, 2, 3], device)).dims();
        assert_eq!(outputs, [2, 7]);
    });
}

#[test]
fn a_head_with_as_many_outputs_is_kept_unless_a_new_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    each_device(|device| {
        let before = AnyModel::from(MlpConfig::new([6, 5, 3]).init(device, 1).unwrap());
        learner_of(before.clone(), [1, 2, 3], names(3), device).export(&file).unwrap();
        let pretrained =
            PretrainedModel::from_bytes(&std::fs::read(&file).unwrap(), device).unwrap();

        let kept = pretrained.model_for(3, 42).unwrap();
        let all = "loaded  0.bias [5], 0.weight [5, 6], 2.bias [3], 2.weight [3, 5]";
        assert_eq!((kept.to_string().as_str(), kept.made.len()), (all, 0));
        let x = TensorData::new((0..12).map(|i| i as f32 / 6.0).collect::<Vec<_>>(), [2, 1, 2, 3]);
        let x = Tensor::<4>::from_data(x, device);
        let predictor = Predictor::load(&file, device).unwrap();
        let answers = predictor.predict_batch(x.clone()).unwrap();
        let expected: Vec<f32> = answers.into_iter().flat_map(|a| a.probabilities).collect();
        let outputs = burn::tensor::activation::softmax(kept.model.forward(x), 1);
        assert_close(&values(outputs), &expected, 1e-6, 1e-7);

        let new = pretrained.with_new_head().model_for(3, 42).unwrap();
        assert_eq!(new.made, ["2.bias [3]", "2.weight [3, 5]"]);
        let (new, old) = (StateDict::of(&new.model).unwrap(), StateDict::of(&before).unwrap());
        assert_eq!(new.values("0.weight"), old.values("0.weight"));
        assert_ne!(new.values("2.weight"), old.values("2.weight"));
    });
}

#[test]
fn a_new_head_learns_on_a_frozen_body_and_then_all_of_it() {
    let (folder, file) = trained();
    let device = fastburn::device::cpu().unwrap();
    let dls = Splits::digits().unwrap().with_classes(&["3", "5", "8"]).unwrap();
    let dls = dls.loaders(64, 1, &device).unwrap();
    let pretrained = PretrainedModel::load(file, &device).unwrap();
    let InputFormat::Image(input) = dls.items.as_ref().unwrap().input.clone() else { panic!() };
    pretrained.check_images(&serde_json::from_value(input).unwrap()).unwrap();
    let model = pretrained.model_for(3, 1).unwrap().model;
    let body = |model: &_| StateDict::of(model).unwrap().values("0.weight").unwrap().to_vec();
    let before = body(&model);

    let model = model.freeze_group(ParamGroup::from_predicate("layers.0"));
    let mut learn = Learner::new(dls.clone(), model, CrossEntropy::new()).metric(accuracy());
    learn.fit(3, 3e-3).unwrap();
    let reached = learn.validate().unwrap().metrics[0];
    assert!(reached > 0.85, "{reached}");
    assert_eq!(body(learn.model()), before);

    let model = learn.into_model().unfreeze();
    let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
    learn.fit(2, 1e-3).unwrap();
    assert!(learn.validate().unwrap().metrics[0] > reached - 0.02);
    assert_ne!(body(learn.model()), before);
    let file = folder.path().join("three.safetensors");
    learn.export(&file).unwrap();
    assert_eq!(Predictor::load(&file, &device).unwrap().card().classes, ["3", "5", "8"]);
}

#[test]
fn a_model_that_is_a_head_alone_has_nothing_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let device = fastburn::device::cpu().unwrap();
    for (model, called) in [
        (AnyModel::from(LinearConfig::new(6, 3).init(&device, 1).unwrap()), "linear 6-3"),
        (MlpConfig::new([6, 3]).init(&device, 1).unwrap().into(), "mlp 6-3"),
    ] {
        learner_of(model, [1, 2, 3], names(3), &device).export(&file).unwrap();
        let pretrained = PretrainedModel::load(&file, &device).unwrap();
        assert_eq!(pretrained.model_for(3, 0).unwrap().made.len(), 0);
        for error in [
            pretrained.model_for(2, 0).unwrap_err(),
            pretrained.clone().with_new_head().model_for(3, 0).unwrap_err(),
        ] {
            assert!(matches!(error, Error::File { .. }), "{error}");
            let told = error.to_string();
            assert!(told.contains("model.safetensors") && told.contains(called), "{told}");
        }
    }
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let (_folder, file) = trained();
    let device = fastburn::device::cpu().unwrap();
    let pretrained = PretrainedModel::load(&file, &device).unwrap();
    let error = pretrained.model_for(0, 0).unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    pretrained.check_images(&ImageSpec::new([1, 28, 28])).unwrap();
    let told = pretrained.check_images(&ImageSpec::new([3, 32, 28])).unwrap_err().to_string();
    assert!(told.contains("28×28 pixels, grey") && told.contains("28×32 pixels, colour"), "{told}");
    assert!(PretrainedModel::load(file.with_extension("absent"), &device).is_err());
}
