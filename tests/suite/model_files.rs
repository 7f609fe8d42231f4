//! Model files: what goes in comes out, and nothing else does.

use std::fs;
use std::path::PathBuf;

use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::data::{
    BatchItems, DataLoaders, InputFormat, ItemFormat, Source, class_indices, is_class_one, one_hot,
};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, MnistLoss, Mse, Outputs};
use fastburn::metrics::accuracy;
use fastburn::models::{Activation, AnyModel, LinearConfig, MlpConfig, Model, Registry, StateDict};
use fastburn::vision::{ImageSpec, Images, Predictor, ReadOptions, Splits};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{assert_close, cpus, crate_path, each_device, values};

/// A model file of a small net, trained for one epoch on the CPU.
pub fn trained() -> (TempDir, PathBuf) {
    let device = fastburn::device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(64, 1, &device).unwrap();
    let model = MlpConfig::new([784, 16, 10]).init(&device, 1).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
    learn.fit(1, 3e-3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("digits.safetensors");
    learn.export(&file).unwrap();
    (folder, file)
}

#[test]
fn a_loaded_model_answers_as_the_learner_did() {
    each_device(|device| {
        let dls = Splits::digits().unwrap().loaders(500, 1, device).unwrap();
        let model = MlpConfig::new([784, 12, 10])
            .with_activation(Activation::Sigmoid)
            .init(device, 1)
            .unwrap();
        let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
        learn.fit(1, 3e-3).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("digits.safetensors");
        learn.export(&file).unwrap();

        let predictor = Predictor::load(&file, device).unwrap();
        let card = predictor.card();
        assert_eq!(card.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        let InputFormat::Image(input) = &card.input else { panic!("{:?}", card.input) };
        assert_eq!((&input["width"], card.loss.as_str()), (&json!(28), "cross-entropy"));
        assert_eq!(predictor.model().description().unwrap(), "mlp 784-12-10, sigmoid");
        let row = learn.history().epochs.last().unwrap();
        assert_eq!(card.metrics["accuracy"], row.metrics[0]);
        assert_eq!(card.metrics["valid_loss"], row.valid_loss.unwrap());

        let order = learn.dls().valid.order(0);
        let batch = learn.dls().valid.batch(&order, 1, device).unwrap();
        let (logits, _) = learn.get_preds().unwrap().swap_remove(1);
        let expected = values(burn::tensor::activation::softmax(logits, 1));
        let found = predictor.predict_batch(batch.input).unwrap();
        let found: Vec<f32> = found.into_iter().flat_map(|p| p.probabilities).collect();
        assert_close(&found, &expected, 1e-5, 1e-6);
    });
}

/// A random model, with the shape of images that fit it.
fn random_model(
    rng: &mut ChaCha8Rng,
    seed: u64,
    device: &burn::tensor::Device,
) -> (AnyModel, [usize; 3]) {
    let shape = [[1, 3][rng.random_range(0..2)], rng.random_range(1..6), rng.random_range(1..6)];
    let inputs = shape.iter().product();
    let outputs = rng.random_range(2..7);
    if rng.random_range(0..3) == 0 {
        return (LinearConfig::new(inputs, outputs).init(device, seed).unwrap().into(), shape);
    }
    let mut widths = vec![inputs];
    widths.extend((0..rng.random_range(0..4)).map(|_| rng.random_range(1..20_usize)));
    widths.push(outputs);
    let activation = [Activation::Relu, Activation::Sigmoid][rng.random_range(0..2)];
    let config = MlpConfig::new(widths).with_activation(activation);
    (config.init(device, seed).unwrap().into(), shape)
}

#[test]
fn to_export_and_to_load_is_the_identity_for_any_architecture() {
    let folder = tempfile::tempdir().unwrap();
    each_device(|device| {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        // A GPU compiles kernels for each.
        for case in 0..if cpus().contains(device) { 100 } else { 2 } {
            let (model, [channels, height, width]) = random_model(&mut rng, case, device);
            let architecture = model.architecture().unwrap();
            let weights = StateDict::of(&model).unwrap();
            let input = Tensor::<4>::ones([2, channels, height, width], device) * 0.3;
            let [_, outputs] = model.forward(input.clone()).dims();
            let classes: Vec<String> = (0..outputs).map(|c| format!("“{c}”\n")).collect();
            let file = folder.path().join(format!("{case}.safetensors"));
            let learn = learner_of(model, [channels, height, width], classes.clone(), device);
            learn.export(&file).unwrap();

            let predictor = Predictor::load(&file, device).unwrap();
            assert_eq!(predictor.card().classes, classes);
            assert_eq!(predictor.card().architecture, architecture, "case {case}");
            assert_eq!(predictor.model().architecture().unwrap(), architecture);
            assert_eq!(StateDict::of(predictor.model()).unwrap(), weights, "case {case}");
            let expected = learn.model().forward(input.clone());
            assert_eq!(values(predictor.model().forward(input)), values(expected), "case {case}");
            // The same model is the same bytes.
            let again = folder.path().join("again.safetensors");
            learn.export(&again).unwrap();
            assert_eq!(fs::read(&file).unwrap(), fs::read(&again).unwrap());
        }
    });
}

/// A learner of a model on blank images of a shape.
pub fn learner_of(
    model: AnyModel,
    [channels, height, width]: [usize; 3],
    classes: Vec<String>,
    device: &burn::tensor::Device,
) -> Learner<(AnyModel, Tensor<4>, Tensor<1, burn::tensor::Int>)> {
    let x = Tensor::<4>::zeros([1, channels, height, width], device);
    let y = class_indices(&[0], classes.len(), device);
    let source = Blank { x, y };
    let mut dls = DataLoaders::new(source.clone(), source, 0);
    let format = ImageSpec::new([channels, height, width]);
    let input = InputFormat::Image(serde_json::to_value(format).unwrap());
    dls.items = Some(ItemFormat::of_classes(input, classes));
    Learner::new(dls, model, CrossEntropy::new())
}

#[derive(Clone)]
struct Blank {
    x: Tensor<4>,
    y: Tensor<1, burn::tensor::Int>,
}

impl Source<Tensor<4>, Tensor<1, burn::tensor::Int>> for Blank {
    fn len(&self) -> usize {
        1
    }

    fn gather(
        &self,
        _: BatchItems<'_>,
        _: &burn::tensor::Device,
    ) -> fastburn::Result<(Tensor<4>, Tensor<1, burn::tensor::Int>)> {
        Ok((self.x.clone(), self.y.clone()))
    }
}

#[test]
fn a_file_of_the_first_form_is_still_read() {
    let device = fastburn::device::cpu().unwrap();
    let file = crate_path("tests/reference/model_form_1.safetensors");
    let predictor = Predictor::load(file, &device).unwrap();
    let pixels: Vec<u8> = (0..6).map(|i| 40 * i).collect();
    let answer = predictor.predict_pixels(&pixels, [1, 2, 3]).unwrap();
    // As PyTorch computes it from the file.
    assert_eq!(answer.label(), "light");
    assert_close(&answer.probabilities, &[0.36776546, 0.6322345], 1e-5, 0.0);
}

#[test]
fn a_load_that_fails_leaves_the_model_as_it_was() {
    each_device(|device| {
        let mut model = MlpConfig::new([6, 5, 3]).init(device, 0).unwrap();
        let before = StateDict::of(&model).unwrap();
        for other in [vec![6, 3], vec![6, 5, 4], vec![6, 5, 5, 3], vec![7, 5, 3]] {
            let other = MlpConfig::new(other).init(device, 1).unwrap();
            let error = StateDict::of(&other).unwrap().load_into(&mut model).unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{error}");
            assert_eq!(StateDict::of(&model).unwrap(), before);
        }
        let other = MlpConfig::new([6, 5, 3]).init(device, 1).unwrap();
        let weights = StateDict::of(&other).unwrap();
        weights.load_into(&mut model).unwrap();
        assert_eq!(StateDict::of(&model).unwrap(), weights);
        assert_ne!(weights, before);
    });
}

#[test]
fn the_loss_says_how_outputs_become_probabilities() {
    let device = fastburn::device::cpu().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let decode = |part| Images::decode(&part).unwrap();
    let digits = Splits::digits().unwrap();
    let (train, valid) = (decode(digits.train), decode(digits.valid));

    let dls = DataLoaders::from_images(train.clone(), valid.clone(), one_hot, &device);
    let model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    Learner::new(dls, model, MnistLoss).export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    assert_eq!(
        (predictor.card().loss.as_str(), predictor.card().outputs),
        ("mnist", Outputs::Sigmoid)
    );

    // One output tells two classes apart.
    let two = digits_of(&["4", "5"]);
    let dls = DataLoaders::from_images(two.0, two.1, is_class_one, &device);
    let model = LinearConfig::new(784, 1).init(&device, 0).unwrap();
    Learner::new(dls, model, MnistLoss).export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    let answer = predictor.predict_pixels(&[128; 784], [1, 28, 28]).unwrap();
    assert_eq!(answer.probabilities.len(), 2);
    assert!((answer.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);

    // A loss of one's own has to say it.
    let dls = DataLoaders::from_images(train, valid, one_hot, &device);
    let model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let learn = Learner::new(dls, model, Mse);
    assert!(learn.export(&file).unwrap_err().to_string().contains("Learner::outputs"));
    learn.outputs(Outputs::Softmax).export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    assert_eq!(
        (predictor.card().loss.as_str(), predictor.card().outputs),
        ("mse", Outputs::Softmax)
    );
}

fn digits_of(classes: &[&str]) -> (Images, Images) {
    Splits::digits()
        .unwrap()
        .with_classes(classes)
        .unwrap()
        .read(&ReadOptions::new(), &|_, _| {})
        .unwrap()
}

#[test]
fn data_without_classes_cannot_be_exported() {
    let device = fastburn::device::cpu().unwrap();
    let model = AnyModel::from(LinearConfig::new(6, 2).init(&device, 0).unwrap());
    let source =
        Blank { x: Tensor::zeros([1, 1, 2, 3], &device), y: class_indices(&[0], 2, &device) };
    let dls = DataLoaders::new(source.clone(), source, 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let error = Learner::new(dls, model, CrossEntropy::new()).export(&file).unwrap_err();
    assert!(error.to_string().contains("DataLoaders::items"), "{error}");
    assert!(!file.exists());
}
