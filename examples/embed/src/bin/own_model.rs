//! A model of one's own: trained, exported, loaded by its own type, and fine-tuned for other
//! classes. A registry puts it beside fastburn's models.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};
use fastburn::layers::FullPrecision;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{AnyModel, Exportable, LayerGroup, Model, Registry, TorchNames};
use fastburn::vision::{Predictor, PretrainedModel, Splits};
use fastburn::{Error, Result, Seed, device};
use serde::{Deserialize, Serialize};

/// What a model file says of a [`ConvNet`], beside its weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ConvNetConfig {
    channels: usize,
    classes: usize,
}

/// A convolution, a batch norm, dropout and a linear layer, for images of 1×28×28.
#[derive(Module, Debug)]
struct ConvNet {
    conv: Conv2d,
    /// In a `FullPrecision`, to be trained in mixed precision too.
    norm: FullPrecision<BatchNorm>,
    dropout: Dropout,
    head: Linear,
    #[module(skip)]
    config: ConvNetConfig,
}

impl Model<Tensor<4>> for ConvNet {
    type Output = Tensor<2>;

    /// Maps images `[batch, 1, 28, 28]` to logits `[batch, classes]`.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = relu(self.norm.forward(self.conv.forward(images)));
        self.head.forward(self.dropout.forward(x.flatten(1, 3)))
    }

    /// The last group is the head, which is made anew for other classes.
    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![LayerGroup::new("body", ["conv", "norm"]), LayerGroup::new("head", ["head"])]
    }
}

/// The names of a PyTorch module with the same fields.
impl TorchNames for ConvNet {}

impl Exportable for ConvNet {
    const KIND: &'static str = "conv-net";
    type Config = ConvNetConfig;

    fn config(&self) -> ConvNetConfig {
        self.config.clone()
    }

    fn from_config(config: &ConvNetConfig, device: &Device, _: Seed) -> Result<Self> {
        let ConvNetConfig { channels, classes } = *config;
        // A model file may claim any size.
        if !(1..=4096).contains(&channels) {
            return Err(Error::setting("number of channels", channels, "1 to 4096"));
        }
        Ok(Self {
            conv: Conv2dConfig::new([1, channels], [3, 3]).with_stride([2, 2]).init(device),
            norm: BatchNormConfig::new(channels).init(device).into(),
            dropout: DropoutConfig::new(0.2).init(),
            head: LinearConfig::new(channels * 13 * 13, classes).init(device),
            config: config.clone(),
        })
    }

    fn outputs(config: &ConvNetConfig) -> usize {
        config.classes
    }

    fn with_outputs(config: ConvNetConfig, classes: usize) -> ConvNetConfig {
        ConvNetConfig { classes, ..config }
    }

    fn check_input(_: &ConvNetConfig, shape: &[usize]) -> Result<(), String> {
        if shape == [1, 28, 28] { Ok(()) } else { Err("grey images of 28×28 pixels".to_owned()) }
    }
}

fastburn::registry! {
    /// Any model that this program reads.
    pub enum OurModel: Model<Tensor<4>, Output = Tensor<2>> {
        ConvNet(ConvNet),
        BuiltIn(AnyModel),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = device::cpu()?;
    let model = ConvNet::init(&ConvNetConfig { channels: 8, classes: 10 }, &device, 42)?;
    let dls = Splits::digits()?.loaders(64, 42, &device)?;
    let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
    learn.fit_one_cycle(2, 1e-2)?;
    let reached = learn.validate()?.metrics[0];
    assert!(reached > 0.9, "accuracy {reached}, expected more than 0.9");

    let folder = std::env::temp_dir().join(format!("own_model-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("digits.safetensors");
    learn.export(&file)?;

    // By its own type, and as one of several.
    let seven = concat!(env!("CARGO_MANIFEST_DIR"), "/seven.png");
    let prediction = Predictor::load_as::<ConvNet>(&file, &device)?.predict_file(seven)?;
    let predictor = Predictor::load_as::<OurModel>(&file, &device)?;
    assert_eq!(predictor.predict_file(seven)?, prediction);
    println!("{}: a {}", predictor.model().description()?, prediction.label());

    // Its body, for three of the classes.
    let model = PretrainedModel::load_as::<ConvNet>(&file, &device)?.model_for(3, 42)?.model;
    let few = Splits::digits()?.with_classes(&["3", "5", "8"])?.loaders(64, 42, &device)?;
    let mut learn = Learner::new(few, model, CrossEntropy::new()).metric(accuracy());
    learn.freeze()?;
    learn.fit(1, 1e-2)?;
    let reached = learn.validate()?.metrics[0];
    assert!(reached > 0.9, "accuracy {reached}, expected more than 0.9");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
