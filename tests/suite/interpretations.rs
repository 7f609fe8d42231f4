//! Interpretations: what scikit-learn says too, wherever they come from.

use burn::module::Module;
use burn::tensor::{Int, Tensor};
use fastburn::data::{
    ClassTargets, DataLoaders, InputFormat, ItemFormat, TensorSource, class_indices, is_class_one,
    one_hot,
};
use fastburn::learner::{Learner, Task};
use fastburn::loss::{CrossEntropy, MnistLoss, Mse, Outputs};
use fastburn::metrics::{accuracy, binary_accuracy, one_hot_accuracy};
use fastburn::models::{AnyModel, LinearConfig};
use fastburn::records::{Interpretation, Outcome};
use fastburn::vision::{Images, OpenOptions, Predictor, ReadOptions, Splits};
use fastburn::{Error, Seed};
use serde_json::{Value, json};

use crate::model_files::{learner_of, trained};
use crate::support::{assert_close, crate_path, each_device};

fn reference() -> Value {
    let json = std::fs::read(crate_path("tests/reference/interpretation.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|index| index.as_u64().unwrap() as usize).collect()
}

/// What the reference's outputs say, taken as that kind.
fn interpreted(values: &Value, kind: Outputs) -> Interpretation {
    let classes: Vec<String> = serde_json::from_value(values["classes"].clone()).unwrap();
    let rows = values["outputs"].as_array().unwrap().iter().map(floats);
    let items = rows.zip(indices(&values["actual"])).enumerate().map(|(index, (row, actual))| {
        let loss = kind.loss(&row, actual, classes.len());
        Outcome::new(index, actual, loss, kind.probabilities(&row, classes.len()))
    });
    Interpretation { items: items.collect(), classes }
}

#[test]
fn it_agrees_with_scikit_learn() {
    let values = reference();
    let (seen, expected) = (interpreted(&values, Outputs::Softmax), &values["softmax"]);
    let predicted: Vec<_> = seen.items.iter().map(|item| item.predicted).collect();
    assert_eq!(predicted, indices(&expected["predicted"]));
    let losses: Vec<_> = seen.items.iter().map(|item| item.loss).collect();
    assert_close(&losses, &floats(&expected["losses"]), 1e-5, 1e-6);
    for (item, row) in seen.items.iter().zip(expected["probabilities"].as_array().unwrap()) {
        assert_close(&item.probabilities, &floats(row), 1e-5, 1e-7);
        assert_eq!(item.probability(), item.probabilities[item.predicted]);
    }
    let mean = losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64;
    assert_eq!(seen.mean_loss(), mean);
    let worst: Vec<_> = seen.top_losses(9).iter().map(|item| item.index).collect();
    assert_eq!(worst, indices(&expected["top_losses"]));
    assert_eq!(seen.top_losses(1000).len(), seen.items.len());

    let confusion = seen.confusion();
    let counts: Vec<_> = expected["counts"].as_array().unwrap().iter().map(indices).collect();
    assert_eq!(confusion.counts, counts);
    let pairs = serde_json::to_value(confusion.most_confused(2)).unwrap();
    assert_eq!(pairs, expected["most_confused"]);
    let columns = [0, 1, 2, 3].map(|column| floats(&expected["scores"][column]));
    for (class, scores) in seen.scores().into_iter().enumerate() {
        let found = [scores.precision, scores.recall, scores.f_beta(1.0), scores.support as f64];
        assert_eq!(found.map(|value| value as f32), [0, 1, 2, 3].map(|c| columns[c][class]));
    }
}

#[test]
fn a_report_is_scikit_learns() {
    let values = reference();
    let report = interpreted(&values, Outputs::Softmax).report();
    let expected = &values["softmax"]["report"];
    // Nothing is a yak, and nothing was taken for one.
    let names: Vec<_> = report.classes.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["cat", "dog", "newt", "owl"]);
    for row in report.classes.iter().chain([&report.macro_average, &report.weighted_average]) {
        let expected = &expected[&row.name];
        for (name, found) in
            [("precision", row.precision), ("recall", row.recall), ("f1-score", row.f1)]
        {
            assert_close(&[found as f32], &[expected[name].as_f64().unwrap() as f32], 1e-6, 0.0);
        }
        assert_eq!(row.support as f64, expected["support"].as_f64().unwrap());
    }
    assert_eq!(report.accuracy, expected["accuracy"].as_f64().unwrap());
    let text = report.to_string();
    let lines: Vec<_> = text.lines().collect();
    for (name, line) in [("precision", 1), ("recall", 2), ("f1", 6), ("support", 7)] {
        let column = lines[0].find(name).unwrap();
        assert_eq!(&lines[line][column - 2..column], "  ");
        assert!(lines[line][column..].starts_with(|first: char| first.is_ascii_digit()), "{text}");
    }
}

#[test]
fn outputs_judged_each_for_itself_have_their_own_loss() {
    let values = reference();
    let (seen, expected) = (interpreted(&values, Outputs::Sigmoid), &values["sigmoid"]);
    let losses: Vec<_> = seen.items.iter().map(|item| item.loss).collect();
    assert_close(&losses, &floats(&expected["losses"]), 1e-5, 1e-6);
    for (item, row) in seen.items.iter().zip(expected["probabilities"].as_array().unwrap()) {
        assert_close(&item.probabilities, &floats(row), 1e-5, 1e-7);
    }
}

#[test]
fn json_brings_it_back() {
    let seen = interpreted(&reference(), Outputs::Softmax);
    let json = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Interpretation>(&json).unwrap(), seen);
    let report = serde_json::to_string(&seen.report()).unwrap();
    assert_eq!(serde_json::from_str::<fastburn::records::Report>(&report).unwrap(), seen.report());
}

/// That a learner and the model file it exports say the same, and what `validate` says.
#[track_caller]
fn both_agree<T>(mut learn: Learner<T>, valid: &Images)
where
    T: Task<Input = Tensor<4>, Output = Tensor<2>>,
    T::Model: fastburn::models::Registry,
    T::Target: ClassTargets,
{
    learn.fit(1, 1e-2).unwrap();
    let seen = learn.interpret().unwrap();
    let validation = learn.validate().unwrap();
    assert_close(&[seen.mean_loss() as f32], &[validation.loss as f32], 1e-5, 0.0);
    assert_close(&[seen.accuracy() as f32], &[validation.metrics[0] as f32], 1e-6, 0.0);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    learn.export(&file).unwrap();
    let predictor = Predictor::load(&file, learn.model().devices().first().unwrap()).unwrap();
    let found = predictor.interpret(valid).unwrap();
    assert_eq!((found.items.len(), &found.classes), (valid.len(), &seen.classes));
    for (found, expected) in found.items.iter().zip(&seen.items) {
        assert_eq!((found.index, found.actual), (expected.index, expected.actual));
        assert_eq!(found.actual, valid.labels()[found.index] as usize);
        assert_close(&[found.loss], &[expected.loss], 1e-4, 1e-5);
        assert_close(&found.probabilities, &expected.probabilities, 1e-4, 1e-5);
    }
}

#[test]
fn a_learner_and_its_model_file_say_the_same() {
    let (train, valid) = Splits::digits().unwrap().read(&ReadOptions::new(), &|_, _| {}).unwrap();
    each_device(|device| {
        let model = || LinearConfig::new(784, 10).init(device, 1).unwrap();
        let dls = DataLoaders::from_images(train.clone(), valid.clone(), class_indices, device);
        both_agree(Learner::new(dls, model(), CrossEntropy::new()).metric(accuracy()), &valid);
        let dls = DataLoaders::from_images(train.clone(), valid.clone(), one_hot, device);
        both_agree(Learner::new(dls, model(), MnistLoss).metric(one_hot_accuracy()), &valid);
    });
}

#[test]
fn one_output_for_two_classes_is_interpreted() {
    let two = Splits::digits().unwrap().with_classes(&["4", "5"]).unwrap();
    let (train, valid) = two.read(&ReadOptions::new(), &|_, _| {}).unwrap();
    each_device(|device| {
        let model = LinearConfig::new(784, 1).init(device, 1).unwrap();
        let dls = DataLoaders::from_images(train.clone(), valid.clone(), is_class_one, device);
        both_agree(Learner::new(dls, model, MnistLoss).metric(binary_accuracy(0.0)), &valid);
    });
}

#[test]
fn a_learners_losses_are_its_own_function() {
    let (train, valid) = Splits::digits().unwrap().read(&ReadOptions::new(), &|_, _| {}).unwrap();
    each_device(|device| {
        let model = LinearConfig::new(784, 10).init(device, 1).unwrap();
        let mut dls = DataLoaders::from_images(train.clone(), valid.clone(), one_hot, device);
        dls.valid = dls.valid.shuffle(Seed::new(3));
        let learn = Learner::new(dls, model, Mse);
        let error = learn.interpret().unwrap_err();
        assert!(error.to_string().contains("Learner::outputs"), "{error}");
        let mut learn = learn.outputs(Outputs::Softmax);
        let seen = learn.interpret().unwrap();
        let expected = learn.validate().unwrap().loss as f32;
        assert_close(&[seen.mean_loss() as f32], &[expected], 1e-5, 0.0);
        // An item's index is its place in the data, in whatever order the model saw it.
        let order: Vec<_> = seen.items.iter().map(|item| item.index).collect();
        assert!(!order.is_sorted());
        let actual = |item: &Outcome| item.actual == valid.labels()[item.index] as usize;
        assert!(seen.items.iter().all(actual));
    });
}

#[test]
fn what_cannot_be_interpreted_says_why() {
    let device = fastburn::device::cpu().unwrap();
    let learner = |outputs: usize, classes: usize| {
        let model = AnyModel::from(LinearConfig::new(6, outputs).init(&device, 0).unwrap());
        let names = (0..classes).map(|class| class.to_string()).collect();
        learner_of(model, [1, 2, 3], names, &device)
    };
    assert_eq!(learner(3, 3).interpret().unwrap().items.len(), 1);
    let error = learner(4, 3).interpret().unwrap_err();
    assert!(error.to_string().contains("[batch, 3]") && error.to_string().contains("[1, 4]"));
    let error = learner(1, 2).interpret().unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");

    let refused = |inputs: Tensor<2>, items| {
        let targets = Tensor::<2>::zeros([inputs.dims()[0], 2], &device);
        let source = TensorSource::new(inputs, targets).unwrap();
        let dls = DataLoaders { items, ..DataLoaders::new(source.clone(), source, 0) };
        let model = LinearConfig::new(6, 2).init(&device, 0).unwrap();
        Learner::new(dls, model, MnistLoss).interpret().unwrap_err().to_string()
    };
    let (rows, odd) = (Tensor::zeros([2, 6], &device), Tensor::full([2, 6], f32::NAN, &device));
    let classes = ["a", "b"].map(String::from).to_vec();
    let named = || Some(ItemFormat::of_classes(InputFormat::Other(json!([6])), classes.clone()));
    let none = Tensor::zeros([0, 6], &device);
    for (inputs, items, expected) in [
        (rows, None, "DataLoaders::items"),
        (odd, named(), "NaN or infinite"),
        (none, named(), "an empty validation set"),
    ] {
        let error = refused(inputs, items);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn targets_say_their_classes_on_every_device() {
    let read = |classes: Tensor<1, Int>| classes.try_into_vec_as::<i64>().unwrap();
    each_device(|device| {
        assert_eq!(read(class_indices(&[2, 0, 1], 3, device).classes()), [2, 0, 1]);
        assert_eq!(read(one_hot(&[2, 0, 1], 3, device).classes()), [2, 0, 1]);
        assert_eq!(read(is_class_one(&[1, 0, 1], 2, device).classes()), [1, 0, 1]);
        assert_eq!(read(class_indices(&[2, 0, 1], 3, device).item(1).classes()), [0]);
        assert_eq!(read(one_hot(&[2, 0, 1], 3, device).item(2).classes()), [1]);
    });
}

#[test]
fn a_model_file_finds_the_datas_classes_by_name() {
    let (_folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let valid = Splits::digits().unwrap().valid;
    let whole = predictor.interpret(&Images::decode(&valid).unwrap()).unwrap();
    let some = Images::decode(&valid.with_classes(&["7", "3"]).unwrap()).unwrap();
    let seen = predictor.interpret(&some).unwrap();
    assert_eq!(seen.classes.len(), 10);
    for (item, actual) in seen.items.iter().zip([7; 100].into_iter().chain([3; 100])) {
        assert_eq!(item.actual, actual);
    }
    let losses = |items: &[Outcome]| items.iter().map(|item| item.loss).collect::<Vec<_>>();
    assert_close(&losses(&seen.items[..100]), &losses(&whole.items[700..800]), 1e-4, 1e-5);
}

#[test]
fn a_model_file_refuses_a_class_that_it_does_not_know_and_adapts_images() {
    let (_folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let valid = Splits::digits().unwrap().valid;
    for class in ["3", "7"] {
        let folder = place.path().join(class);
        std::fs::create_dir(&folder).unwrap();
        for index in 0..5 {
            let item = valid.image(100 * class.parse::<usize>().unwrap() + index).unwrap();
            let image = image::GrayImage::from_raw(28, 28, item.pixels).unwrap();
            let image = image::DynamicImage::ImageLuma8(image).into_rgb8();
            let nearest = image::imageops::FilterType::Nearest;
            let image = image::imageops::resize(&image, 56, 56, nearest);
            image.save(folder.join(format!("{index}.png"))).unwrap();
        }
    }
    let open = || Images::decode(&OpenOptions::new().open_all(place.path()).unwrap()).unwrap();
    let large = predictor.interpret(&open()).unwrap();
    let plain = valid.subset(&[300, 301, 302, 303, 304, 700, 701, 702, 703, 704]);
    let plain = predictor.interpret(&Images::decode(&plain).unwrap()).unwrap();
    assert_eq!(large.items.len(), 10);
    // Four pixels for each one are that one again.
    for (large, plain) in large.items.iter().zip(&plain.items) {
        assert_eq!((large.actual, large.predicted), (plain.actual, plain.predicted));
        assert_close(&large.probabilities, &plain.probabilities, 0.2, 0.02);
    }

    std::fs::rename(place.path().join("7"), place.path().join("seven")).unwrap();
    let error = predictor.interpret(&open()).unwrap_err().to_string();
    assert!(error.contains("the class seven") && error.contains("0, 1, 2"), "{error}");
}
