//! Model files: what goes in comes out, and nothing else does.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use burn::tensor::Tensor;
use fastburn::data::{
    DataLoaders, ImageClasses, ImageFormat, Images, Source, Splits, class_indices, is_class_one,
    one_hot,
};
use fastburn::learner::Learner;
use fastburn::loss::{Outputs, cross_entropy, mnist_loss, mse};
use fastburn::metrics::accuracy;
use fastburn::models::{
    Activation, AnyModel, Architecture, LinearConfig, MlpConfig, Model, Portable, StateDict,
};
use fastburn::{Error, Predictor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::SafeTensors;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{assert_close, crate_path, each_device, values};

/// A model file of a small net, trained for one epoch on the CPU.
fn trained() -> (TempDir, PathBuf) {
    let device = fastburn::device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(64, 1, &device).unwrap();
    let model = MlpConfig::new([784, 16, 10]).init(&device, 1).unwrap();
    let mut learn = Learner::new(dls, model, cross_entropy).metric(accuracy());
    learn.fit(1, 3e-3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("digits.safetensors");
    learn.export(&file).unwrap();
    (folder, file)
}

/// A model file that says of itself what `edit` makes of it, with a checksum that fits: what
/// somebody would write who means harm.
fn resealed(bytes: &[u8], edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let entry = &header.metadata().as_ref().unwrap()["fastburn"];
    let mut about: serde_json::Value = serde_json::from_str(entry).unwrap();
    about.as_object_mut().unwrap().remove("checksum");
    edit(&mut about);
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let mut names = tensors.names();
    names.sort();
    let mut crc = crc32fast::Hasher::new();
    crc.update(about.to_string().as_bytes());
    for name in names {
        let tensor = tensors.tensor(name).unwrap();
        let head = serde_json::json!([name, tensor.dtype(), tensor.shape()]);
        crc.update(head.to_string().as_bytes());
        crc.update(tensor.data());
    }
    about["checksum"] = format!("crc32:{:08x}", crc.finalize()).into();
    let metadata = HashMap::from([("fastburn".to_owned(), about.to_string())]);
    safetensors::serialize(tensors.tensors(), Some(metadata)).unwrap()
}

fn problem(bytes: &[u8]) -> String {
    match Predictor::from_bytes(bytes, &fastburn::device::cpu().unwrap()) {
        Err(error @ Error::File { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_loaded_model_answers_as_the_learner_did() {
    each_device(|device| {
        let dls = Splits::digits().unwrap().loaders(64, 1, device).unwrap();
        let model = MlpConfig::new([784, 12, 10])
            .with_activation(Activation::Sigmoid)
            .init(device, 1)
            .unwrap();
        let mut learn = Learner::new(dls, model, cross_entropy).metric(accuracy());
        learn.fit(1, 3e-3).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("digits.safetensors");
        learn.export(&file).unwrap();

        let predictor = Predictor::load(&file, device).unwrap();
        let card = predictor.card();
        assert_eq!(card.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!((card.image.shape(), card.loss.as_str()), ([1, 28, 28], "cross-entropy"));
        assert_eq!(card.architecture.to_string(), "mlp 784-12-10");
        let row = learn.history().epochs.last().unwrap();
        assert_eq!(card.metrics["accuracy"], row.metrics[0]);
        assert_eq!(card.metrics["valid_loss"], row.valid_loss.unwrap());

        let order = learn.dls().valid.order(0);
        let batch = learn.dls().valid.batch(&order, 3, device).unwrap();
        let (logits, _) = learn.get_preds().unwrap().swap_remove(3);
        let expected = values(burn::tensor::activation::softmax(logits, 1));
        let found = predictor.predict_batch(batch.input).unwrap();
        let found: Vec<f32> = found.into_iter().flat_map(|p| p.probabilities).collect();
        assert_close(&found, &expected, 1e-5, 1e-6);
    });
}

#[test]
fn an_image_is_prepared_for_a_prediction_as_for_training() {
    let (folder, file) = trained();
    let device = fastburn::device::cpu().unwrap();
    let predictor = Predictor::load(file, &device).unwrap();
    let valid = Splits::digits().unwrap().valid;
    let png = folder.path().join("image.png");
    for index in [0, 321, 999] {
        let item = valid.image(index).unwrap();
        let image = image::GrayImage::from_raw(28, 28, item.pixels.clone()).unwrap();
        image.save(&png).unwrap();
        let dls = Splits::digits().unwrap().loaders(1, 0, &device).unwrap();
        let order = dls.valid.order(0);
        let input = dls.valid.batch(&order, index, &device).unwrap().input;
        let expected = predictor.predict_batch(input).unwrap().remove(0);
        assert_eq!(predictor.predict_file(&png).unwrap(), expected);
        assert_eq!(predictor.predict_bytes(&fs::read(&png).unwrap()).unwrap(), expected);
        assert_eq!(predictor.predict_pixels(&item.pixels, item.shape).unwrap(), expected);
        assert_eq!(predictor.predict_files(&[&png]).remove(0).unwrap(), expected);
    }
}

#[test]
fn an_image_of_another_kind_is_changed_to_fit_and_says_so() {
    let (folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let item = Splits::digits().unwrap().valid.image(700).unwrap();
    let grey = image::GrayImage::from_raw(28, 28, item.pixels.clone()).unwrap();
    let plain = predictor.predict_pixels(&item.pixels, item.shape).unwrap();
    assert_eq!((plain.label(), plain.adapted), ("7", None));

    // Grey written as colour is the same image.
    let colour = image::DynamicImage::ImageLuma8(grey.clone()).into_rgb8();
    let png = folder.path().join("colour.png");
    colour.save(&png).unwrap();
    let answer = predictor.predict_file(&png).unwrap();
    assert_eq!(answer.probabilities, plain.probabilities);
    assert_eq!(answer.adapted.unwrap().to_string(), "colour to grey");

    // Four pixels for each one are that one again.
    let large = image::imageops::resize(&colour, 84, 84, image::imageops::FilterType::Nearest);
    let jpeg = folder.path().join("large.jpg");
    large.save(&jpeg).unwrap();
    let answer = predictor.predict_file(&jpeg).unwrap();
    assert_eq!(answer.label(), "7");
    let said = answer.adapted.unwrap().to_string();
    assert_eq!(said, "resized from 84×84 to 28×28, colour to grey");
}

#[test]
fn many_files_are_answered_each_for_itself() {
    let (folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let valid = Splits::digits().unwrap().valid;
    let mut paths = Vec::new();
    for index in 0..300 {
        let path = folder.path().join(format!("{index}.png"));
        let item = valid.image(3 * index).unwrap();
        image::GrayImage::from_raw(28, 28, item.pixels).unwrap().save(&path).unwrap();
        paths.push(path);
    }
    fs::write(&paths[7], "no image").unwrap();
    paths[290] = folder.path().join("missing.png");
    let answers = predictor.predict_files(&paths);
    assert_eq!(answers.len(), 300);
    for (index, (path, answer)) in paths.iter().zip(answers).enumerate() {
        match (index, answer) {
            (7, Err(Error::Image { file, .. })) => assert!(file.ends_with("7.png")),
            (290, Err(Error::Read { path, .. })) => assert!(path.ends_with("missing.png")),
            (_, Ok(answer)) => {
                // A batch of many and a batch of one add in another order.
                let alone = predictor.predict_file(path).unwrap();
                assert_close(&answer.probabilities, &alone.probabilities, 1e-5, 1e-6);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pixels_that_do_not_fit_their_shape_are_refused() {
    let (_folder, file) = trained();
    let device = fastburn::device::cpu().unwrap();
    let predictor = Predictor::load(file, &device).unwrap();
    for (pixels, shape) in [
        (0, [1, 28, 28]),
        (784, [1, 28, 27]),
        (784, [2, 14, 28]),
        (0, [1, 0, 28]),
        (9, [usize::MAX, 3, 3]),
    ] {
        let error = predictor.predict_pixels(&vec![0; pixels], shape).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error}");
    }
    let error = predictor.predict_batch(Tensor::zeros([2, 3, 28, 28], &device)).unwrap_err();
    assert!(error.to_string().contains("[2, 3, 28, 28]"), "{error}");
    assert!(predictor.predict_batch(Tensor::zeros([0, 1, 28, 28], &device)).unwrap().is_empty());
}

#[test]
fn a_predictor_answers_on_many_threads_at_once() {
    let (_folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let item = Splits::digits().unwrap().valid.image(400).unwrap();
    let expected = predictor.predict_pixels(&item.pixels, item.shape).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let answer = predictor.predict_pixels(&item.pixels, item.shape).unwrap();
                    assert_eq!(answer, expected);
                }
            });
        }
    });
}

/// A random architecture, with images that fit it.
fn random_architecture(rng: &mut ChaCha8Rng) -> (Architecture, [usize; 3]) {
    let shape = [[1, 3][rng.random_range(0..2)], rng.random_range(1..6), rng.random_range(1..6)];
    let inputs = shape.iter().product();
    let outputs = rng.random_range(2..7);
    if rng.random_range(0..3) == 0 {
        return (Architecture::Linear(LinearConfig::new(inputs, outputs)), shape);
    }
    let mut widths = vec![inputs];
    widths.extend((0..rng.random_range(0..4)).map(|_| rng.random_range(1..20_usize)));
    widths.push(outputs);
    let activation = [Activation::Relu, Activation::Sigmoid][rng.random_range(0..2)];
    (Architecture::Mlp(MlpConfig::new(widths).with_activation(activation)), shape)
}

#[test]
fn to_export_and_to_load_is_the_identity_for_any_architecture() {
    let folder = tempfile::tempdir().unwrap();
    each_device(|device| {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for case in 0..100 {
            let (architecture, [channels, height, width]) = random_architecture(&mut rng);
            let model: AnyModel = architecture.init(device, case).unwrap();
            let weights = StateDict::of(&model).unwrap();
            let classes: Vec<String> =
                (0..architecture.outputs()).map(|c| format!("“{c}”\n")).collect();
            let file = folder.path().join(format!("{case}.safetensors"));
            let learn = learner_of(model, [channels, height, width], classes.clone(), device);
            learn.export(&file).unwrap();

            let predictor = Predictor::load(&file, device).unwrap();
            assert_eq!(predictor.card().classes, classes);
            assert_eq!(predictor.card().architecture, architecture, "case {case}");
            assert_eq!(predictor.model().architecture(), architecture);
            assert_eq!(StateDict::of(predictor.model()).unwrap(), weights, "case {case}");
            let input = Tensor::<4>::ones([2, channels, height, width], device) * 0.3;
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
fn learner_of(
    model: AnyModel,
    [channels, height, width]: [usize; 3],
    classes: Vec<String>,
    device: &burn::tensor::Device,
) -> Learner<AnyModel, Tensor<4>, Tensor<1, burn::tensor::Int>> {
    let x = Tensor::<4>::zeros([1, channels, height, width], device);
    let y = class_indices(&[0], classes.len(), device);
    let source = Blank { x, y };
    let mut dls = DataLoaders::new(source.clone(), source, 0);
    let format = ImageFormat::new([channels, height, width]);
    dls.image_classes = Some(ImageClasses { classes, format });
    Learner::new(dls, model, cross_entropy)
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
        _: &[u32],
        _: &burn::tensor::Device,
    ) -> fastburn::Result<(Tensor<4>, Tensor<1, burn::tensor::Int>)> {
        Ok((self.x.clone(), self.y.clone()))
    }
}

#[test]
fn ten_thousand_mutants_never_load_as_something_else() {
    let device = fastburn::device::cpu().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.safetensors");
    let architecture = Architecture::Mlp(MlpConfig::new([6, 5, 3]));
    let classes = ["cat", "dog", "owl"].map(String::from).to_vec();
    let model = architecture.init(&device, 3).unwrap();
    learner_of(model, [1, 2, 3], classes, &device).export(&file).unwrap();
    let whole = fs::read(&file).unwrap();
    let original = Predictor::from_bytes(&whole, &device).unwrap();
    let weights = StateDict::of(original.model()).unwrap();

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut harmless = 0;
    for mutant in 0..10_000 {
        let mut bytes = whole.clone();
        if mutant % 5 == 0 {
            bytes.truncate(rng.random_range(0..whole.len()));
        } else {
            // Each place gets its turn; one bit, or any other value.
            let place = if mutant < 2 * whole.len() {
                mutant / 2
            } else {
                rng.random_range(0..whole.len())
            };
            bytes[place] ^= if mutant % 2 == 0 {
                1 << rng.random_range(0..8)
            } else {
                rng.random_range(1..=255)
            };
        }
        match Predictor::from_bytes(&bytes, &device) {
            Err(Error::File { .. }) => {}
            Err(other) => panic!("mutant {mutant}: {other}"),
            // Such as another blank behind the header.
            Ok(loaded) => {
                assert_eq!(loaded.card(), original.card(), "mutant {mutant}");
                assert_eq!(StateDict::of(loaded.model()).unwrap(), weights, "mutant {mutant}");
                harmless += 1;
            }
        }
    }
    assert!(harmless < 200, "{harmless} of 10000 mutants loaded");
}

#[test]
fn every_truncated_file_is_refused_by_name() {
    let (folder, file) = trained();
    let whole = fs::read(&file).unwrap();
    let device = fastburn::device::cpu().unwrap();
    let cut = folder.path().join("cut.safetensors");
    for length in (0..whole.len()).step_by(64).chain([1, 7, 8, 9, whole.len() - 1]) {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = Predictor::load(&cut, &device).unwrap_err();
        assert!(error.to_string().contains("cut.safetensors: "), "{error}");
    }
}

#[test]
fn what_is_no_model_file_is_refused_without_being_read() {
    let (folder, _) = trained();
    let device = fastburn::device::cpu().unwrap();
    let refused = |path: &std::path::Path, expected: &str| {
        let error = Predictor::load(path, &device).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    };
    refused(&folder.path().join("missing.safetensors"), "cannot read");
    refused(folder.path(), "not a regular file");
    #[cfg(unix)]
    refused("/dev/zero".as_ref(), "not a regular file");
    refused(&crate_path("Cargo.toml"), "no safetensors file");
    refused(&crate_path("tests/reference/simple_net.safetensors"), "fastburn did not write");
    refused(&crate_path("tests/reference/simple_net.pt"), "not a model file");

    // 40 GB that begin as another program's safetensors file would.
    let sparse = folder.path().join("sparse.safetensors");
    let header = br#"{"a":{"dtype":"U8","shape":[40000000000],"data_offsets":[0,40000000000]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    fs::write(&sparse, bytes).unwrap();
    fs::File::options().write(true).open(&sparse).unwrap().set_len(40_000_000_081).unwrap();
    refused(&sparse, "fastburn did not write");
}

#[test]
fn a_file_that_does_not_fit_itself_is_refused() {
    let (_folder, file) = trained();
    let whole = fs::read(&file).unwrap();
    let device = fastburn::device::cpu().unwrap();
    assert!(Predictor::from_bytes(&resealed(&whole, |_| {}), &device).is_ok());
    for (path, value, expected) in [
        ("/format_version", json!(2), "use a newer fastburn"),
        ("/format_version", json!("1"), "no format version"),
        ("/kind", json!("checkpoint"), "it is a fastburn checkpoint"),
        ("/architecture/widths", json!([784, 17, 10]), "numbers, but a mlp 784-17-10 has"),
        ("/architecture/widths", json!([784, 12, 16, 10]), "numbers, but a mlp"),
        ("/architecture/widths", json!([784, u64::MAX, 10]), "more than fit"),
        ("/architecture/widths", json!([784, 1_u64 << 40, 10]), "numbers, but a mlp"),
        ("/architecture/widths", json!([]), "do not fit"),
        ("/architecture/widths", json!([784]), "do not fit"),
        ("/architecture/model", json!("transformer"), "transformer"),
        ("/classes", json!(["a", "b"]), "2 classes do not fit 10 outputs"),
        ("/image/width", json!(29), "do not fit"),
        ("/image/width", json!(u64::MAX), "do not fit"),
        ("/image/channels", json!(2), "do not fit"),
        ("/image/scaling", json!("cubic"), "cubic"),
        ("/outputs", json!("tea-leaves"), "tea-leaves"),
        ("/loss", json!(null), "not a model file that can be used"),
    ] {
        let edited = resealed(&whole, |about| *about.pointer_mut(path).unwrap() = value.clone());
        let found = problem(&edited);
        assert!(found.contains(expected), "{path} = {value}: {found}");
    }
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
    Learner::new(dls, model, mnist_loss).export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    assert_eq!(
        (predictor.card().loss.as_str(), predictor.card().outputs),
        ("mnist", Outputs::Sigmoid)
    );

    // One output tells two classes apart.
    let two = digits_of(&["4", "5"]);
    let dls = DataLoaders::from_images(two.0, two.1, is_class_one, &device);
    let model = LinearConfig::new(784, 1).init(&device, 0).unwrap();
    Learner::new(dls, model, mnist_loss).export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    let answer = predictor.predict_pixels(&[128; 784], [1, 28, 28]).unwrap();
    assert_eq!(answer.probabilities.len(), 2);
    assert!((answer.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);

    // A loss of one's own has to say it.
    let dls = DataLoaders::from_images(train, valid, one_hot, &device);
    let model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let learn = Learner::new(dls, model, mse::<2>);
    assert!(learn.export(&file).unwrap_err().to_string().contains("Learner::outputs"));
    learn.outputs(Outputs::Softmax).export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    assert_eq!(
        (predictor.card().loss.as_str(), predictor.card().outputs),
        ("custom", Outputs::Softmax)
    );
}

fn digits_of(classes: &[&str]) -> (Images, Images) {
    Splits::digits().unwrap().with_classes(classes).unwrap().decode(&|_, _| {}).unwrap()
}

#[test]
fn data_without_classes_cannot_be_exported() {
    let device = fastburn::device::cpu().unwrap();
    let model = Architecture::Linear(LinearConfig::new(6, 2)).init(&device, 0).unwrap();
    let source =
        Blank { x: Tensor::zeros([1, 1, 2, 3], &device), y: class_indices(&[0], 2, &device) };
    let dls = DataLoaders::new(source.clone(), source, 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let error = Learner::new(dls, model, cross_entropy).export(&file).unwrap_err();
    assert!(error.to_string().contains("image_classes"), "{error}");
    assert!(!file.exists());
}
