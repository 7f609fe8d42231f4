//! The workloads, each with the same name and numbers as in `compare.py`.

use std::time::Instant;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Int, Tensor};
use fastburn::data::{
    DataLoader, DataLoaders, ItemFormat, TensorSource, class_indices, is_class_one, one_hot,
};
use fastburn::layers::{conv2d, linear, max_pool, relu};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Loss, MnistLoss};
use fastburn::models::{Activation, AnyModel, MlpConfig, Model, ModelOptions, Registry, layers_of};
use fastburn::optim::OptimizerKind;
use fastburn::vision::{ImageSpec, Images, Predictor, ReadOptions, Splits};

use crate::shared::{Error, Options, TrainOnly};

type Run = Box<dyn FnMut() -> Result<f64, Error>>;

/// A workload, ready to be measured.
pub struct Opened {
    /// Trains for a round, and returns its seconds.
    pub round: Run,
    /// The operations of the matrix products of a round, forward and backward: all but those of the
    /// gradient of the first layer's input, which nobody computes.
    pub operations: f64,
}

type Open = Box<dyn Fn(&Options, &Device) -> Result<Opened, Error>>;

pub struct Workload {
    pub name: &'static str,
    pub open: Open,
}

const CLASSES: usize = 10;

pub fn workloads() -> Vec<Workload> {
    use OptimizerKind::{Adam, Sgd};
    vec![
        mlp("784-10, cross-entropy, SGD, 256", &[784, 10], Sgd, Some(256), Targets::Indices),
        mlp("784-30-10, cross-entropy, SGD, 256", &[784, 30, 10], Sgd, Some(256), Targets::Indices),
        mlp(
            "784-100-10, cross-entropy, Adam, 64",
            &[784, 100, 10],
            Adam,
            Some(64),
            Targets::Indices,
        ),
        mlp(
            "784-500-10, cross-entropy, Adam, 64",
            &[784, 500, 10],
            Adam,
            Some(64),
            Targets::Indices,
        ),
        mlp("784-500-10, mnist_loss, SGD, 1000", &[784, 500, 10], Sgd, Some(1000), Targets::OneHot),
        mlp("784-784-1, sigmoid, SGD, all", &[784, 784, 1], Sgd, None, Targets::IsFive),
        images("convnet, Adam, 64", [6400, 1, 28], 64, |device| named("convnet", 1, 28, device)),
        images("small CNN, Adam, 256", [6144, 1, 28], 256, |device| {
            Ok((SmallCnn::new(device), SmallCnn::multiply_adds()))
        }),
        images("ResNet-18, 64 px, Adam, 64", [192, 3, 64], 64, |device| {
            named("resnet18", 3, 64, device)
        }),
        images("ResNet-18, 224 px, Adam, 16", [32, 3, 224], 16, |device| {
            named("resnet18", 3, 224, device)
        }),
        predictions("convnet, predict 10,000", [10_000, 1, 28], 250, "convnet"),
        predictions("ResNet-18, 224 px, predict 20, by ones", [20, 3, 224], 1, "resnet18"),
    ]
}

/// The multiply-adds of each layer for one item, the first layer first.
type MultiplyAdds = Vec<f64>;

/// Returns the operations of a forward and backward pass over some items.
fn operations(multiply_adds: &[f64], items: usize) -> f64 {
    // A multiplication and an addition each, for outputs, weights' and inputs' gradients.
    let all: f64 = multiply_adds.iter().map(|count| 6.0 * count).sum();
    (all - 2.0 * multiply_adds.first().unwrap_or(&0.0)) * items as f64
}

#[derive(Clone, Copy, PartialEq)]
enum Targets {
    /// The digit, and cross-entropy.
    Indices,
    /// One-hot rows, and the tutorials' loss.
    OneHot,
    /// Whether it is a 5 and not a 4, the tutorials' loss, and sigmoid between the layers.
    IsFive,
}

fn mlp(
    name: &'static str,
    widths: &'static [usize],
    optimizer: OptimizerKind,
    batch: Option<usize>,
    targets: Targets,
) -> Workload {
    let open = move |options: &Options, device: &Device| {
        let splits = Splits::open(options.data().join("mnist_png.tgz"), 0)?;
        let splits =
            if targets == Targets::IsFive { splits.with_classes(&["4", "5"])? } else { splits };
        let images = splits.read(&ReadOptions::new(), &|_, _| {})?;
        let batch = batch.unwrap_or(images.0.len());
        let items = images.0.len() / batch * batch;
        let multiply_adds: Vec<_> =
            widths.windows(2).map(|ends| (ends[0] * ends[1]) as f64).collect();
        let config = match targets {
            Targets::IsFive => MlpConfig::new(widths).with_activation(Activation::Sigmoid),
            _ => MlpConfig::new(widths),
        };
        let row = Row { images, batch, optimizer, device };
        let round = match targets {
            Targets::Indices => row.round(class_indices, config, CrossEntropy::new()),
            Targets::OneHot => row.round(one_hot, config, MnistLoss),
            Targets::IsFive => row.round(is_class_one, config, MnistLoss),
        };
        Ok(Opened { round: round?, operations: operations(&multiply_adds, items) })
    };
    Workload { name, open: Box::new(open) }
}

struct Row<'a> {
    images: (Images, Images),
    batch: usize,
    optimizer: OptimizerKind,
    device: &'a Device,
}

impl Row<'_> {
    fn round<T: Clone + Send + 'static>(
        self,
        targets: fn(&[u32], usize, &Device) -> T,
        config: MlpConfig,
        loss: impl Loss<Tensor<2>, T> + 'static,
    ) -> Result<Run, Error> {
        let (train, valid) = self.images;
        let dls = DataLoaders::from_images(train, valid, targets, self.device);
        let model = config.init(self.device, 0)?;
        let learn = Learner::new(dls.batch_size(self.batch)?, model, loss);
        let mut learn = learn.optimizer(self.optimizer).callback(TrainOnly);
        let lr = if self.optimizer == OptimizerKind::Sgd { 0.1 } else { 1e-3 };
        Ok(Box::new(move || {
            learn.fit(1, lr)?;
            Ok(learn.history().epochs.last().map_or(0.0, |row| row.seconds))
        }))
    }
}

/// A workload on random images `[items, channels, size, size]`.
fn images<M: Model<Tensor<4>, Output = Tensor<2>> + 'static>(
    name: &'static str,
    [items, channels, size]: [usize; 3],
    batch: usize,
    model: fn(&Device) -> Result<(M, MultiplyAdds), Error>,
) -> Workload {
    let open = move |_: &Options, device: &Device| {
        let shape = [items, channels, size, size];
        let images = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), device);
        let labels = Tensor::<1, Int>::arange(0..items as i64, device) % CLASSES as i64;
        let loader = DataLoader::new(TensorSource::new(images, labels)?).batch_size(batch)?;
        let dls = DataLoaders::from_loaders(loader.clone(), loader);
        let (model, multiply_adds) = model(device)?;
        let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(TrainOnly);
        let round: Run = Box::new(move || {
            learn.fit(1, 1e-3)?;
            Ok(learn.history().epochs.last().map_or(0.0, |row| row.seconds))
        });
        Ok(Opened { round, operations: operations(&multiply_adds, items) })
    };
    Workload { name, open: Box::new(open) }
}

/// Predictions of random images `[items, channels, size, size]` by a model file.
fn predictions(
    name: &'static str,
    [items, channels, size]: [usize; 3],
    batch: usize,
    model: &'static str,
) -> Workload {
    let open = move |_: &Options, device: &Device| {
        let (model, multiply_adds) = named(model, channels, size, device)?;
        let shape = [items, channels, size, size];
        let images = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), device);
        let labels = Tensor::<1, Int>::zeros([items], device);
        let loader = DataLoader::new(TensorSource::new(images.clone(), labels)?);
        let mut dls = DataLoaders::from_loaders(loader.clone(), loader);
        let format = ImageSpec::new([channels, size, size]);
        let classes: Vec<_> = (0..CLASSES).map(|class| class.to_string()).collect();
        dls.items = Some(ItemFormat::of_classes((&format).into(), classes));
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("model.safetensors");
        Learner::new(dls, model, CrossEntropy::new()).export(&file)?;
        let predictor = Predictor::load(&file, device)?;
        let round: Run = Box::new(move || {
            let start = Instant::now();
            for batch in images.clone().split(batch, 0) {
                predictor.predict_batch(batch)?;
            }
            Ok(start.elapsed().as_secs_f64())
        });
        let all: f64 = multiply_adds.iter().sum();
        Ok(Opened { round, operations: 2.0 * all * items as f64 })
    };
    Workload { name, open: Box::new(open) }
}

/// Returns a model by its name.
fn named(
    name: &str,
    channels: usize,
    size: usize,
    device: &Device,
) -> Result<(AnyModel, MultiplyAdds), Error> {
    let shape = [channels, size, size];
    let preset = AnyModel::named(name)?;
    let architecture = preset.architecture(&shape, CLASSES, &ModelOptions::new())?;
    let model = AnyModel::from_architecture(&architecture, device, 0)?;
    let image = Tensor::<4>::zeros([1, channels, size, size], device);
    let layers = layers_of(&model, Some(image)).into_iter();
    let multiply_adds = layers.filter_map(|layer| layer.multiply_adds);
    Ok((model, multiply_adds.map(|count| count as f64).collect()))
}

/// Two convolutions with pooling, and two linear layers.
#[derive(Module, Debug)]
struct SmallCnn {
    conv1: Conv2d,
    conv2: Conv2d,
    linear1: Linear,
    linear2: Linear,
}

impl SmallCnn {
    fn new(device: &Device) -> Self {
        Self {
            conv1: Conv2dConfig::new([1, 24], [5, 5]).init(device),
            conv2: Conv2dConfig::new([24, 32], [3, 3]).init(device),
            linear1: LinearConfig::new(32 * 5 * 5, 256).init(device),
            linear2: LinearConfig::new(256, CLASSES).init(device),
        }
    }

    fn multiply_adds() -> MultiplyAdds {
        let convolutions = [24 * 24 * 24 * 25, 10 * 10 * 32 * 24 * 9];
        let linear = [32 * 5 * 5 * 256, 256 * CLASSES];
        convolutions.into_iter().chain(linear).map(|count| count as f64).collect()
    }
}

impl Model<Tensor<4>> for SmallCnn {
    type Output = Tensor<2>;

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = relu(max_pool(conv2d(&self.conv1, images), 2, 2, 0));
        let x = relu(max_pool(conv2d(&self.conv2, x), 2, 2, 0));
        let x = relu(linear(&self.linear1, x.flatten(1, 3)));
        linear(&self.linear2, x)
    }
}
