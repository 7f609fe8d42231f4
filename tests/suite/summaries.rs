//! Summaries: a model's layers, their outputs and parameters, and what trains them.

use burn::module::{Module, Param, ParamGroup};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use fastburn::callbacks::EpochTable;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::layers::{observe, observe_part};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Mse};
use fastburn::models::{AnyModel, Linear, LinearConfig, MlpConfig, Model, StateDict};
use fastburn::records::Summary;
use fastburn::vision::Splits;
use serde_json::Value;

use crate::program::{output, stderr, stdout};
use crate::support::{crate_path, each_device};

/// A layer, its kind, its output, and how many parameters it has and how many of them learn.
type Row<'a> = (&'a str, &'a str, Option<&'a [usize]>, usize, usize);

fn rows(summary: &Summary) -> Vec<Row<'_>> {
    let rows = summary.layers.iter().map(|row| {
        let output = row.output.as_deref();
        (row.layer.as_str(), row.kind.as_str(), output, row.parameters, row.trainable)
    });
    rows.collect()
}

/// A learner of a model on so many rows of three numbers.
fn learner_of<M>(model: M, items: usize, device: &Device) -> Learner<(M, Tensor<2>, Tensor<2>)>
where
    M: Model<Tensor<2>, Output = Tensor<2>>,
{
    let x = Tensor::<2>::ones([items, 3], device);
    let data = TensorSource::new(x, Tensor::<2>::ones([items, 2], device)).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4).unwrap();
    Learner::new(dls, model, Mse)
}

#[test]
fn a_frozen_layer_is_told_from_one_that_learns() {
    each_device(|device| {
        let dls = Splits::digits().unwrap().loaders(64, 1, device).unwrap();
        let model = AnyModel::from(MlpConfig::new([784, 30, 10]).init(device, 1).unwrap());
        let model = model.freeze_group(ParamGroup::from_predicate("layers.0"));
        let frozen = StateDict::of(&model).unwrap();
        let mut learn =
            Learner::new(dls, model, CrossEntropy::new()).callback(EpochTable::new(Vec::new()));
        let expected = "AnyModel\n\n\
            layer     kind    output    parameters  multiply-adds  trainable\n\
            layers.0  Linear  [64, 30]       23550          23520  frozen\n\
            layers.1  Linear  [64, 10]         310            300  yes\n\n\
            parameters  23860: 310 trainable, 23550 frozen\n\
            an item     23820 multiply-adds\n\
            optimizer   adam\n\
            loss        cross-entropy\n\
            batch size  64\n\
            callbacks   Recorder, TerminateOnNan, EpochTable<Vec<u8>>";
        assert_eq!(learn.summary().unwrap().to_string(), expected);
        // What it says is what happens, and after a validation it says the same.
        learn.fit(1, 1e-3).unwrap();
        let trained = StateDict::of(learn.model()).unwrap();
        for name in frozen.names() {
            let same = frozen.values(name) == trained.values(name);
            assert_eq!(same, name.starts_with("0."), "{name}");
        }
        assert_eq!(learn.summary().unwrap().to_string(), expected);
    });
}

#[test]
fn a_summary_leaves_the_learner_as_it_is() {
    for device in crate::support::cpus() {
        let fit = |look: bool| {
            let model = MlpConfig::new([3, 5, 2]).init(&device, 1).unwrap();
            let mut learn = learner_of(model, 9, &device);
            for _ in 0..2 {
                if look {
                    learn.summary().unwrap();
                }
                learn.fit(1, 0.1).unwrap();
            }
            StateDict::of(learn.model()).unwrap()
        };
        assert_eq!(fit(true), fit(false));
    }
}

/// Tells of nothing, and has parameters beside its parts.
#[derive(Module, Debug)]
struct Silent {
    scale: Param<Tensor<1>>,
    body: burn::nn::Linear,
    norm: BatchNorm,
    shift: Param<Tensor<1>>,
}

impl Model<Tensor<2>> for Silent {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let x = self.body.forward(input * self.scale.val().unsqueeze());
        let [batch, width] = x.dims();
        let x: Tensor<3> = self.norm.forward(x.reshape([batch, width, 1]));
        x.reshape([batch, width]) + self.shift.val().unsqueeze()
    }
}

fn silent(device: &Device) -> Silent {
    Silent {
        scale: Param::from_tensor(Tensor::ones([3], device)),
        body: burn::nn::LinearConfig::new(3, 2).init(device),
        norm: BatchNormConfig::new(2).init(device),
        shift: Param::from_tensor(Tensor::zeros([2], device)),
    }
}

#[test]
fn a_model_that_tells_of_nothing_has_its_parameters_counted() {
    each_device(|device| {
        let model = silent(device).freeze_group(ParamGroup::from_path("body.bias"));
        let learn = learner_of(model, 9, device).optimizer(SgdConfig::new().init());
        let summary = learn.summary().unwrap();
        // The running mean and variance are no parameters.
        let expected = [
            ("", "Silent", None, 5, 5),
            ("body", "Linear", None, 8, 6),
            ("norm", "BatchNorm", None, 4, 4),
        ];
        assert_eq!(rows(&summary), expected);
        assert_eq!((summary.parameters, summary.trainable, summary.frozen), (17, 15, 2));
        assert_eq!((summary.optimizer.as_str(), summary.loss.as_str()), ("Burn's own", "mse"));
        let text = summary.to_string();
        assert!(text.contains("\n—      Silent     —                5  yes\n"), "{text}");
        assert!(text.contains("\nbody   Linear     —                8  partly (6)\n"), "{text}");
    });
}

/// Tells of a part of its own, of one of fastburn's, and of a step without parameters.
#[derive(Module, Debug)]
struct Telling {
    first: burn::nn::Linear,
    rest: Linear,
}

impl Model<Tensor<2>> for Telling {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let x = self.first.forward(input);
        observe("first", &x);
        let halves: Tensor<3> = x.reshape([0, 2, 3]);
        observe("halves", &halves);
        observe_part("rest", || self.rest.forward(halves))
    }
}

#[test]
fn a_model_of_ones_own_shows_what_it_tells_of() {
    each_device(|device| {
        let model = Telling {
            first: burn::nn::LinearConfig::new(3, 6).init(device),
            rest: LinearConfig::new(6, 2).init(device, 0).unwrap(),
        };
        let summary = learner_of(model, 9, device).summary().unwrap();
        let expected = [
            ("first", "Linear", Some(&[4, 6][..]), 24, 24),
            ("halves", "", Some(&[4, 2, 3]), 0, 0),
            ("rest.layer", "Linear", Some(&[4, 2]), 14, 14),
        ];
        assert_eq!(rows(&summary), expected);
    });
}

#[test]
fn fewer_items_than_a_batch_have_a_summary_as_well() {
    let device = fastburn::device::cpu().unwrap();
    let model = LinearConfig::new(3, 2).init(&device, 0).unwrap();
    let summary = learner_of(model, 2, &device).summary().unwrap();
    assert_eq!(rows(&summary), [("layer", "Linear", Some(&[2, 2][..]), 8, 8)]);
}

#[test]
fn the_program_shows_what_train_would_train() {
    let run = output(&[
        "summary",
        "--device",
        "cpu",
        "--model",
        "mlp",
        "--hidden",
        "30",
        "--batch-size",
        "32",
    ]);
    assert!(run.status.success(), "{}", stderr(&run));
    let expected = "mlp 784-30-10\n\n\
        layer     kind    output    parameters  multiply-adds  trainable\n\
        layers.0  Linear  [32, 30]       23550          23520  yes\n\
        layers.1  Linear  [32, 10]         310            300  yes\n\n\
        parameters  23860: 23860 trainable, 0 frozen\n\
        an item     23820 multiply-adds\n\
        optimizer   adam\n\
        loss        cross-entropy\n\
        batch size  32\n\
        callbacks   Recorder, TerminateOnNan\n";
    assert_eq!(stdout(&run), expected);
    assert_eq!(stderr(&run), "");

    let digits = crate_path("assets/digits.tgz");
    let digits = digits.to_str().unwrap();
    let run = output(&["summary", digits, "--loss", "mnist", "--model", "linear", "--json"]);
    let json: Value = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!((&json["loss"], &json["model"]), (&"mnist".into(), &"linear 784-10".into()));
    assert_eq!(json["layers"][0]["output"], serde_json::json!([64, 10]));
    assert_eq!((&json["parameters"], &json["frozen"]), (&7850.into(), &0.into()));

    let run = output(&["summary", "absent"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("absent"), "{}", stderr(&run));
}
