//! The embedded digits.

#[path = "../../assets/digits/mod.rs"]
mod generator;

use burn::data::dataset::Dataset;
use fastburn::data::{DataLoaders, class_indices};
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{AnyModel, LinearConfig, MlpConfig};
use fastburn::optim::OptimizerKind;
use fastburn::vision::{Images, ReadOptions, Splits};
use generator::{PARTS, draw};

use crate::support::crate_path;

#[test]
fn the_generator_still_makes_what_is_committed() {
    let splits = Splits::digits().unwrap();
    for (part, folder) in [splits.train, splits.valid].into_iter().enumerate() {
        let images = Images::decode(&folder).unwrap();
        let each = PARTS[part].1;
        assert_eq!(images.len(), 10 * each);
        for index in 0..images.len() {
            let (digit, index_in_class) = (index / each, index % each);
            assert_eq!(images.labels()[index] as usize, digit);
            assert_eq!(
                *images.pixels(index).unwrap(),
                draw(part, digit, index_in_class),
                "{}",
                folder.file_name(index)
            );
        }
    }
}

#[test]
fn the_archive_is_small_and_opens_like_any_other() {
    let path = crate_path("assets/digits.tgz");
    assert!(path.metadata().unwrap().len() <= 2_000_000);
    let opened = Splits::open(path, 0).unwrap();
    assert_eq!((opened.train.len(), opened.valid.len()), (6000, 1000));
    assert_eq!(opened.train.classes(), Splits::digits().unwrap().train.classes());
}

#[test]
fn a_hidden_layer_visibly_helps_and_neither_model_is_perfect() {
    let device = fastburn::device::cpu().unwrap();
    let (train, valid) = Splits::digits().unwrap().read(&ReadOptions::new(), &|_, _| {}).unwrap();
    let accuracy_of = |model: AnyModel| {
        let dls = DataLoaders::from_images(train.clone(), valid.clone(), class_indices, &device);
        let mut learn = Learner::new(dls, model, CrossEntropy::new())
            .optimizer(OptimizerKind::Adam)
            .metric(accuracy());
        learn.fit(5, 1e-3).unwrap();
        learn.history().epochs.last().unwrap().metrics[0]
    };
    let linear = accuracy_of(LinearConfig::new(784, 10).init(&device, 42).unwrap().into());
    let mlp = accuracy_of(MlpConfig::new([784, 100, 10]).init(&device, 42).unwrap().into());
    assert!(linear > 0.75, "{linear}");
    assert!(mlp > linear + 0.03, "{mlp} against {linear}");
    assert!(mlp < 0.99, "{mlp}");
}
