//! Model files of models of a user's own: whatever a built-in model can do, they can.

use std::fs;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig};
use burn::tensor::{Device, Int, Tensor, activation};
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{DataLoaders, ItemFormat, class_indices, is_class_one};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Mse};
use fastburn::metrics::accuracy;
use fastburn::models::{
    AnyModel, Architecture, Exportable, LayerGroup, Linear, LinearConfig, MlpConfig, Model,
    ModelFile, ModelOption, ModelOptions, Preset, Registry, StateDict, TorchNames,
};
use fastburn::rows::{RowPredictor, Table};
use fastburn::vision::{Images, Predictor, PretrainedModel, ReadOptions, Splits};
use fastburn::{Error, Result, Seed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::hostile_model_files::resealed;
use crate::own_models::StopAfter;
use crate::program::{output, stderr, stdout};
use crate::support::{assert_close, crate_path, each_device, values};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ConvConfig {
    channels: usize,
    outputs: usize,
}

/// A convolution, a batch norm, dropout and a linear layer, for images of 1×28×28.
#[derive(Module, Debug)]
struct ConvNet {
    conv: Conv2d,
    norm: BatchNorm,
    dropout: Dropout,
    head: burn::nn::Linear,
    #[module(skip)]
    config: ConvConfig,
}

impl Model<Tensor<4>> for ConvNet {
    type Output = Tensor<2>;

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = activation::relu(self.norm.forward(self.conv.forward(images)));
        self.head.forward(self.dropout.forward(x.flatten(1, 3)))
    }

    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![
            LayerGroup::new("body", ["conv", "norm", "dropout"]),
            LayerGroup::new("head", ["head"]),
        ]
    }
}

impl TorchNames for ConvNet {}

impl Exportable for ConvNet {
    const KIND: &'static str = "conv-net";
    type Config = ConvConfig;

    fn config(&self) -> ConvConfig {
        self.config.clone()
    }

    fn from_config(config: &ConvConfig, device: &Device, _: Seed) -> Result<Self> {
        let ConvConfig { channels, outputs } = *config;
        if !(1..=4096).contains(&channels) {
            return Err(Error::setting("number of channels", channels, "1 to 4096"));
        }
        Ok(Self {
            conv: Conv2dConfig::new([1, channels], [3, 3]).with_stride([2, 2]).init(device),
            norm: BatchNormConfig::new(channels).init(device),
            dropout: DropoutConfig::new(0.1).init(),
            head: burn::nn::LinearConfig::new(channels * 13 * 13, outputs).init(device),
            config: config.clone(),
        })
    }

    fn outputs(config: &ConvConfig) -> usize {
        config.outputs
    }

    fn with_outputs(config: ConvConfig, outputs: usize) -> ConvConfig {
        ConvConfig { outputs, ..config }
    }

    fn check_input(_: &ConvConfig, shape: &[usize]) -> Result<(), String> {
        if shape == [1, 28, 28] { Ok(()) } else { Err("grey images of 28×28".to_owned()) }
    }

    fn presets() -> Vec<Preset<ConvConfig>> {
        let preset = Preset::new(Self::KIND, "a convolution", |_, outputs, options| {
            Ok(ConvConfig { channels: options.hidden.first().copied().unwrap_or(8), outputs })
        });
        vec![preset.uses(&[ModelOption::Hidden])]
    }
}

fastburn::registry! {
    /// A model of this file, or any of fastburn's.
    pub enum OurModel: Model<Tensor<4>, Output = Tensor<2>> {
        ConvNet(ConvNet),
        BuiltIn(AnyModel),
    }
}

type ImageLearner = Learner<(ConvNet, Tensor<4>, Tensor<1, Int>)>;

fn conv_net(channels: usize, outputs: usize, device: &Device) -> ConvNet {
    ConvNet::init(&ConvConfig { channels, outputs }, device, 42).unwrap()
}

/// Zeros and ones of the bundled digits.
fn zeros_and_ones(device: &Device) -> DataLoaders<Tensor<4>, Tensor<1, Int>> {
    let splits = Splits::digits().unwrap().with_classes(&["0", "1"]).unwrap();
    splits.loaders(50, 1, device).unwrap()
}

fn learner(device: &Device) -> ImageLearner {
    Learner::new(zeros_and_ones(device), conv_net(4, 2, device), CrossEntropy::new())
        .metric(accuracy())
}

#[test]
fn an_own_model_is_exported_and_asked_by_its_own_type_and_through_an_own_registry() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conv.safetensors");
    each_device(|device| {
        let mut learn = learner(device);
        learn.fit(2, 3e-3).unwrap();
        assert!(learn.validate().unwrap().metrics[0] > 0.9, "{:?}", learn.validate());
        learn.export(&file).unwrap();

        let own = Predictor::load_as::<ConvNet>(&file, device).unwrap();
        let ours = Predictor::load_as::<OurModel>(&file, device).unwrap();
        assert_eq!(own.card(), ours.card());
        let expected = json!({ "model": "conv-net", "channels": 4, "outputs": 2 });
        assert_eq!(serde_json::to_value(&own.card().architecture).unwrap(), expected);
        let weights = StateDict::of(learn.model()).unwrap();
        assert!(weights.names().any(|name| name == "norm.running_mean"));
        assert_eq!(StateDict::of(own.model()).unwrap(), weights);
        assert_eq!(StateDict::of(ours.model()).unwrap(), weights);

        // Dropout is off, and batch norm goes by the running statistics.
        let batch = learn.dls().valid.batch(&learn.dls().valid.order(0), 0, device).unwrap();
        let (logits, _) = learn.get_preds().unwrap().swap_remove(0);
        let expected = values(activation::softmax(logits, 1));
        let answers = [
            own.predict_batch(batch.input.clone()).unwrap(),
            ours.predict_batch(batch.input).unwrap(),
        ];
        for found in answers {
            let found: Vec<f32> = found.into_iter().flat_map(|p| p.probabilities).collect();
            assert_close(&found, &expected, 1e-5, 1e-6);
        }
        let valid = Splits::digits().unwrap().with_classes(&["0", "1"]).unwrap().valid;
        let images = Images::decode(&valid).unwrap();
        let seen = own.interpret(&images).unwrap();
        let reached = learn.validate().unwrap().metrics[0];
        assert!((seen.accuracy() - reached).abs() < 1e-6, "{}, {reached}", seen.accuracy());
        assert_eq!(learn.interpret().unwrap().confusion(), seen.confusion());
    });
}

#[test]
fn fewer_outputs_than_classes_are_refused_before_they_are_trained() {
    each_device(|device| {
        let dls = zeros_and_ones(device);
        let mut learn = Learner::new(dls, conv_net(4, 1, device), CrossEntropy::new());
        for error in [learn.fit(1, 1e-2).unwrap_err(), learn.validate().unwrap_err()] {
            let expected = "expected at least 2 logits, for a target of 1, found 1";
            assert!(error.to_string().contains(expected), "{error}");
        }
        // Other targets than the classes of the images may need fewer.
        let splits = Splits::digits().unwrap();
        let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {}).unwrap();
        let is_odd = |labels: &[u32], _: usize, device: &Device| {
            let odd: Vec<u32> = labels.iter().map(|label| label % 2).collect();
            class_indices(&odd, 2, device)
        };
        let dls = DataLoaders::from_images(train, valid, is_odd, device).batch_size(1000).unwrap();
        Learner::new(dls, conv_net(4, 2, device), CrossEntropy::new()).fit(1, 1e-2).unwrap();
    });
}

#[test]
fn a_registry_reads_the_files_of_all_its_kinds_and_tells_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let device = fastburn::device::cpu().unwrap();
    let [conv, mlp] = ["conv", "mlp"].map(|name| folder.path().join(name));
    learner(&device).export(&conv).unwrap();
    let model = OurModel::from(AnyModel::from(MlpConfig::new([784, 2]).init(&device, 1).unwrap()));
    assert_eq!(model.description().unwrap(), "mlp 784-2");
    Learner::new(zeros_and_ones(&device), model, CrossEntropy::new()).export(&mlp).unwrap();

    let kind = |file| {
        let file = ModelFile::load_as::<OurModel>(file, &device).unwrap();
        file.card().architecture.kind().to_owned()
    };
    assert_eq!([kind(&conv), kind(&mlp)], ["conv-net", "mlp"]);
    // The program, and any program without the registry, reads the file of a built-in model.
    assert!(Predictor::load(&mlp, &device).is_ok());
    for (error, known) in [
        (
            Predictor::load(&conv, &device).unwrap_err(),
            "conv-net: expected one of the known kinds: linear, mlp, convnet, resnet",
        ),
        (
            Predictor::load_as::<Linear>(&mlp, &device).unwrap_err(),
            "mlp: expected one of the known kinds: linear",
        ),
    ] {
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert!(error.to_string().contains(known), "{error}");
    }

    let options = ModelOptions::new().hidden([6]);
    let made = |name: &str| {
        let architecture = OurModel::named(name)?.architecture(&[1, 28, 28], 2, &options)?;
        OurModel::from_architecture(&architecture, &device, 3)?.description()
    };
    assert_eq!(made("conv-net").unwrap(), "conv-net");
    assert_eq!(made("mlp").unwrap(), "mlp 784-6-2");
    assert_eq!(OurModel::named("conv-net").unwrap().options(), [ModelOption::Hidden]);
    assert!(made("transformer").unwrap_err().to_string().contains("conv-net, linear, mlp"));
    // A kind that was there twice could be read as the wrong one.
    assert!(Twice::kind("conv-net").unwrap_err().to_string().contains("names that differ"));
    let model = Twice::from(OurModel::from(conv_net(4, 2, &device)));
    let learn = Learner::new(zeros_and_ones(&device), model, CrossEntropy::new());
    assert!(learn.export(&conv).unwrap_err().to_string().contains("names that differ"));
}

fastburn::registry! {
    enum Twice: Model<Tensor<4>, Output = Tensor<2>> {
        ConvNet(ConvNet),
        Ours(OurModel),
    }
}

#[test]
fn an_own_model_is_started_from_with_a_new_head() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conv.safetensors");
    each_device(|device| {
        let mut learn = learner(device);
        learn.fit(1, 1e-2).unwrap();
        learn.export(&file).unwrap();
        let before = StateDict::of(learn.model()).unwrap();

        let pretrained = PretrainedModel::load_as::<ConvNet>(&file, device).unwrap();
        let transferred = pretrained.model_for(3, 7).unwrap();
        assert_eq!(
            transferred.to_string(),
            "loaded  conv.bias [4], conv.weight [4, 1, 3, 3], norm.bias [4], norm.running_mean [4], \
             norm.running_var [4], norm.weight [4]\n\
             made    head.bias [3], head.weight [3, 676]"
        );
        let after = StateDict::of(&transferred.model).unwrap();
        for name in before.names().filter(|name| !name.starts_with("head")) {
            assert_eq!(after.values(name), before.values(name), "{name}");
        }
        assert_eq!(transferred.model.config, ConvConfig { channels: 4, outputs: 3 });

        let splits = Splits::digits().unwrap().with_classes(&["0", "1", "7"]).unwrap();
        let dls = splits.loaders(50, 1, device).unwrap();
        let mut learn = Learner::new(dls, transferred.model, CrossEntropy::new());
        learn.freeze().unwrap();
        learn.fit(1, 1e-2).unwrap();
        let trained = StateDict::of(learn.model()).unwrap();
        assert_eq!(trained.values("conv.weight"), before.values("conv.weight"));
        assert_ne!(trained.values("head.weight"), after.values("head.weight"));
        assert_ne!(trained.values("norm.running_mean"), before.values("norm.running_mean"));
        assert!(learn.summary().unwrap().trainable < learn.model().num_params());
        learn.unfreeze().unwrap();
        learn.fit(1, 1e-3).unwrap();
        assert_ne!(
            StateDict::of(learn.model()).unwrap().values("conv.weight"),
            before.values("conv.weight")
        );
    });
}

#[test]
fn an_own_model_is_resumed_to_the_file_of_an_unbroken_run() {
    let learner = |start: &ConvNet, device: &Device| {
        Learner::new(zeros_and_ones(device), start.valid(), CrossEntropy::new())
    };
    each_device(|device| {
        // Weights and dropout are drawn from Burn's generator, from which another test may draw
        // meanwhile: the weights are drawn once, and nothing is dropped.
        let mut start = conv_net(4, 2, device);
        start.dropout = DropoutConfig::new(0.0).init();
        let folder = tempfile::tempdir().unwrap();
        let [whole, resumed] = ["whole", "resumed"].map(|name| folder.path().join(name));
        let mut learn = learner(&start, device);
        learn.fit(2, 1e-2).unwrap();
        learn.export(&whole).unwrap();

        let checkpoints = folder.path().join("checkpoints");
        let saving = Checkpoint::new(CheckpointFolder::create(&checkpoints).unwrap());
        let mut learn = learner(&start, device).callback(saving).callback(StopAfter(30));
        learn.fit(2, 1e-2).unwrap();
        drop(learn);

        let saved = CheckpointFolder::open(&checkpoints).unwrap().newest().unwrap();
        let mut learn = learner(&start, device);
        learn.resume(&saved).unwrap();
        learn.fit(2, 1e-2).unwrap();
        learn.export(&resumed).unwrap();
        assert_eq!(fs::read(&whole).unwrap(), fs::read(&resumed).unwrap());
    });
}

#[test]
fn a_regression_of_images_answers_with_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ones.safetensors");
    each_device(|device| {
        let splits = Splits::digits().unwrap().with_classes(&["0", "1"]).unwrap();
        let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {}).unwrap();
        let zero = valid.pixels(5).unwrap().to_vec();
        let input = train.format().into();
        // The digit as a number.
        let mut dls = DataLoaders::from_images(train, valid, is_class_one, device);
        dls.items = Some(ItemFormat::of_values(input, ["digit".to_owned()]));
        let mut learn = Learner::new(dls.batch_size(50).unwrap(), conv_net(8, 1, device), Mse);
        learn.fit(3, 3e-3).unwrap();
        learn.export(&file).unwrap();

        let predictor = Predictor::load_as::<ConvNet>(&file, device).unwrap();
        assert_eq!(predictor.card().values, ["digit"]);
        // What the learner's own model predicts, with dropout off.
        let batch = learn.dls().valid.batch(&learn.dls().valid.order(0), 0, device).unwrap();
        let (outputs, _) = learn.get_preds().unwrap().swap_remove(0);
        let expected = values(outputs);
        let found = predictor.values_of_batch(batch.input).unwrap().concat();
        assert_close(&found, &expected, 1e-5, 1e-6);
        let found = predictor.values_of_pixels(&zero, [1, 28, 28]).unwrap();
        assert_close(&found, &expected[5..6], 1e-5, 1e-6);
        let error = predictor.predict_pixels(&zero, [1, 28, 28]).unwrap_err().to_string();
        assert!(error.contains("ones.safetensors predicts values, not classes"), "{error}");
        assert!(learn.interpret().unwrap_err().to_string().contains("no classes"));
    });
}

#[test]
fn a_model_of_rows_is_exported_and_asked_for_values_and_for_classes() {
    let line = |i: i32| {
        let (a, b) = (i % 7, i % 5);
        format!("{b},{a},{},{}\n", 3 * a - b, if a > 3 { "large" } else { "small" })
    };
    let csv = "b,a,y,size\n".to_owned() + &(0..140).map(line).collect::<String>();
    let (train, valid) = Table::parse("planes.csv", csv.as_bytes()).unwrap().split(0.2, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.safetensors");
    each_device(|device| {
        let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", device).unwrap();
        let model = LinearConfig::new(2, 1).init(device, 1).unwrap();
        let mut learn = Learner::new(dls.batch_size(14).unwrap(), model, Mse);
        learn.fit(60, 0.3).unwrap();
        learn.export(&file).unwrap();
        let predictor = RowPredictor::<Linear>::load(&file, device).unwrap();
        assert_eq!(predictor.format().features[0].name, "a");
        let value = predictor.values_of_row(&[10.0, 20.0]).unwrap()[0];
        assert!((value - 10.0).abs() < 0.1, "{value}");
        // Columns are found by name, and the rows of a table are as many answers.
        let asked = Table::parse("asked.csv", b"b,c,a\n20,x,10\n0,x,1\n").unwrap();
        let found: Vec<_> = predictor.values_of_table(&asked).unwrap().concat();
        assert_close(&found, &[10.0, 3.0], 0.0, 0.1);
        for (error, part) in [
            (predictor.values_of_row(&[1.0]).unwrap_err(), "2 values: a, b"),
            (predictor.predict_row(&[1.0, 2.0]).unwrap_err(), "predicts values, not classes"),
            (
                predictor.values_of_table(&Table::parse("t.csv", b"a\n1\n").unwrap()).unwrap_err(),
                "no column b",
            ),
            (Predictor::load_as::<Linear>(&file, device).unwrap_err(), "not an image model"),
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }

        let dls = DataLoaders::from_classes(&train, &valid, &["a", "b"], "size", device).unwrap();
        let model = LinearConfig::new(2, 2).init(device, 1).unwrap();
        let mut learn = Learner::new(dls.batch_size(14).unwrap(), model, CrossEntropy::new())
            .metric(accuracy());
        learn.fit(60, 0.3).unwrap();
        learn.export(&file).unwrap();
        let predictor = RowPredictor::<Linear>::load(&file, device).unwrap();
        assert_eq!(predictor.predict_row(&[6.0, 2.0]).unwrap().label(), "large");
        let answers = predictor.predict_table(&valid).unwrap();
        let right = answers.iter().zip(valid.texts("size").unwrap());
        let right = right.filter(|(answer, actual)| answer.label() == *actual).count();
        let accuracy = right as f64 / valid.len() as f64;
        assert!((accuracy - learn.validate().unwrap().metrics[0]).abs() < 1e-6, "{accuracy}");
        let error = predictor.values_of_row(&[1.0, 2.0]).unwrap_err().to_string();
        assert!(error.contains("predicts classes, not values"), "{error}");
    });
}

#[test]
fn a_configuration_that_a_file_cannot_hold_is_refused() {
    let refused = |config| Architecture::of::<AnyConfig>(&config).unwrap_err().to_string();
    assert!(refused(json!(7)).contains("invalid configuration of a model 7: expected a struct"));
    assert!(refused(json!({ "model": 1 })).contains("another name for it"));
}

/// A model of any configuration.
#[derive(Module, Debug)]
struct AnyConfig {
    layer: burn::nn::Linear,
}

impl TorchNames for AnyConfig {}

impl Exportable for AnyConfig {
    const KIND: &'static str = "any";
    type Config = Value;

    fn config(&self) -> Value {
        Value::Null
    }

    fn from_config(_: &Value, device: &Device, _: Seed) -> Result<Self> {
        Ok(Self { layer: burn::nn::LinearConfig::new(1, 1).init(device) })
    }

    fn outputs(_: &Value) -> usize {
        1
    }

    fn with_outputs(config: Value, _: usize) -> Value {
        config
    }

    fn check_input(_: &Value, _: &[usize]) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn a_model_file_of_an_earlier_version_still_loads() {
    let device = fastburn::device::cpu().unwrap();
    let file = crate_path("examples/embed/digits.safetensors");
    let predictor = Predictor::load(&file, &device).unwrap();
    assert_eq!(predictor.model().description().unwrap(), "mlp 784-16-10");
    assert_eq!((predictor.card().classes.len(), predictor.format().shape()), (10, [1, 28, 28]));
    let seven = predictor.predict_file(crate_path("examples/embed/seven.png")).unwrap();
    assert_eq!(seven.label(), "7");
}

#[test]
fn the_program_tells_what_goes_in_and_what_comes_out_and_classifies_with_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let [rows, ink] = ["rows", "ink"].map(|name| folder.path().join(name).display().to_string());
    let device = fastburn::device::cpu().unwrap();
    let table = Table::parse("t.csv", b"a,b,y\n1,2,3\n3,1,5\n2,2,4\n").unwrap();
    let (train, valid) = table.split(0.3, 1).unwrap();
    let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", &device).unwrap();
    let model = LinearConfig::new(2, 1).init(&device, 1).unwrap();
    Learner::new(dls, model, Mse).export(&rows).unwrap();
    let told = stdout(&output(&["info", &rows]));
    let expected = "model       linear 2-1, 3 parameters\nrows        2: a, b\nvalues      1: y\n\
                    loss        mse, values\nwritten by  fastburn ";
    assert!(told.starts_with(expected), "{told}");

    let (train, valid) = Splits::digits().unwrap().read(&ReadOptions::new(), &|_, _| {}).unwrap();
    let input = train.format().into();
    let mut dls = DataLoaders::from_images(train, valid, is_class_one, &device);
    dls.items = Some(ItemFormat::of_values(input, ["ink".to_owned()]));
    let model = LinearConfig::new(784, 1).init(&device, 1).unwrap();
    Learner::new(dls, model, Mse).export(&ink).unwrap();
    let seven = crate_path("examples/embed/seven.png").display().to_string();
    let run = output(&["predict", &ink, &seven]);
    let told = stderr(&run);
    assert!(
        told.contains("ink: the model predicts values, expected one that predicts classes"),
        "{told}"
    );
    assert!(!run.status.success() && run.stdout.is_empty());
    let run = output(&["predict", &rows, &seven]);
    assert!(stderr(&run).contains("rows: not an image model"), "{}", stderr(&run));
}

/// A model of rows that is as wide as its configuration says, and is made as wide as `made`.
#[derive(Module, Debug)]
struct Lying {
    layer: burn::nn::Linear,
    #[module(skip)]
    config: LyingConfig,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LyingConfig {
    inputs: usize,
    outputs: usize,
    made: usize,
    keeps_outputs: bool,
}

impl Model<Tensor<2>> for Lying {
    type Output = Tensor<2>;

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.layer.forward(rows)
    }
}

impl TorchNames for Lying {}

impl Exportable for Lying {
    const KIND: &'static str = "lying";
    type Config = LyingConfig;

    fn config(&self) -> LyingConfig {
        self.config.clone()
    }

    fn from_config(config: &LyingConfig, device: &Device, _: Seed) -> Result<Self> {
        let layer = burn::nn::LinearConfig::new(config.inputs, config.made).init(device);
        Ok(Self { layer, config: config.clone() })
    }

    fn outputs(config: &LyingConfig) -> usize {
        config.outputs
    }

    fn with_outputs(config: LyingConfig, outputs: usize) -> LyingConfig {
        let outputs = if config.keeps_outputs { config.outputs } else { outputs };
        LyingConfig { outputs, made: outputs, ..config }
    }

    fn check_input(config: &LyingConfig, shape: &[usize]) -> Result<(), String> {
        if shape == [config.inputs] { Ok(()) } else { Err(format!("{} inputs", config.inputs)) }
    }
}

#[test]
fn what_could_not_be_read_again_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.safetensors");
    let device = fastburn::device::cpu().unwrap();
    let table = Table::parse("t.csv", b"a,b,y\n1,2,3\n3,1,5\n2,2,4\n").unwrap();
    let (train, valid) = table.split(0.3, 1).unwrap();
    let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", &device).unwrap();
    let good = LyingConfig { inputs: 2, outputs: 1, made: 1, keeps_outputs: false };
    let export = |described: LyingConfig, made: LyingConfig| {
        let mut model = Lying::init(&made, &device, 1).unwrap();
        model.config = described;
        let learn = Learner::new(dls.clone(), model, Mse);
        learn.export(&file).map_err(|error| error.to_string())
    };
    for (described, expected) in [
        (LyingConfig { made: 2, ..good.clone() }, "layer.weight has shape [1, 2], expected [2, 2]"),
        (LyingConfig { inputs: 3, ..good.clone() }, "expected [1, 3]"),
        (LyingConfig { outputs: 2, ..good.clone() }, "1 values do not fit 2 outputs"),
        (LyingConfig { outputs: 0, ..good.clone() }, "1 values do not fit 0 outputs"),
    ] {
        let error = export(described, good.clone()).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(!file.exists());
    }
    let wide = LyingConfig { inputs: 3, ..good.clone() };
    let error = export(wide.clone(), wide).unwrap_err();
    assert!(
        error.contains("inputs of shape [2] do not fit a lying, which takes 3 inputs"),
        "{error}"
    );

    export(good.clone(), good.clone()).unwrap();
    let read = ModelFile::load_as::<Lying>(&file, &device).unwrap();
    let transferred = read.model_for::<Tensor<2>>(1, 3).unwrap();
    assert_eq!((transferred.loaded.len(), transferred.made.len()), (2, 0));
    let error = read.model_for::<Tensor<2>>(4, 3).unwrap_err().to_string();
    assert!(error.contains("a lying has only a head") && error.contains("layer_groups"), "{error}");
    let stubborn = LyingConfig { keeps_outputs: true, ..good };
    export(stubborn.clone(), stubborn).unwrap();
    let read = ModelFile::load_as::<Lying>(&file, &device).unwrap();
    let error = read.model_for::<Tensor<2>>(4, 3).unwrap_err().to_string();
    assert!(error.contains("number of outputs 1: expected 4"), "{error}");
}

#[test]
fn a_file_that_means_harm_to_an_own_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [conv, rows] = ["conv", "rows"].map(|name| folder.path().join(name));
    let device = fastburn::device::cpu().unwrap();
    learner(&device).export(&conv).unwrap();
    let whole = fs::read(&conv).unwrap();
    for (path, value, expected) in [
        ("/architecture/channels", json!(1_u64 << 62), "number of channels"),
        ("/architecture/channels", json!(0), "number of channels 0: expected 1 to 4096"),
        (
            "/architecture/channels",
            json!(4096),
            "conv.weight has shape [4, 1, 3, 3], expected [4096",
        ),
        ("/architecture/outputs", json!(0), "2 classes do not fit 0 outputs"),
        ("/image/width", json!(29), "which takes grey images of 28×28"),
        ("/image/channels", json!(3), "which takes grey images of 28×28"),
        ("/outputs", json!("values"), "0 values do not fit 2 outputs"),
    ] {
        let edited = resealed(&whole, |about| *about.pointer_mut(path).unwrap() = value.clone());
        let error = Predictor::from_bytes_as::<ConvNet>(&edited, &device).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{path}: {error}");
    }

    let table = Table::parse("t.csv", b"a,b,y\n1,2,3\n3,1,5\n2,2,4\n").unwrap();
    let (train, valid) = table.split(0.3, 1).unwrap();
    let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", &device).unwrap();
    let model = LinearConfig::new(2, 1).init(&device, 1).unwrap();
    Learner::new(dls, model, Mse).export(&rows).unwrap();
    let whole = fs::read(&rows).unwrap();
    let one = json!({ "name": "a", "mean": 0.0, "std": 1.0 });
    for (path, value, expected) in [
        ("/rows/features", json!([]), "no features"),
        ("/rows/features", json!([one]), "rows of 1 features do not fit a linear 2-1"),
        ("/rows/features/0/std", json!(0.0), "feature a has mean"),
        ("/values", json!([]), "0 values do not fit 1 outputs"),
        ("/rows", json!(7), "not a model of rows"),
    ] {
        let edited = resealed(&whole, |about| *about.pointer_mut(path).unwrap() = value.clone());
        let error = RowPredictor::<Linear>::from_bytes(&edited, &device).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{path}: {error}");
    }
}
