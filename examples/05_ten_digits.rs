//! Lesson 5: ten digits, and a net that fails.
//!
//! You will learn to prepare ten classes (one-hot targets, shuffled mini-batches), to train a net
//! with a hidden layer of 500 by hand, and what to do when its accuracy stays far below its
//! potential: look at its numbers, and change one thing at a time.
//!
//! ```sh
//! cargo run --release --example 05_ten_digits
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use fastburn::data::{DataLoader, DataLoaders, TensorSource, class_indices};
use fastburn::layers::Init;
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, mnist_loss};
use fastburn::metrics::accuracy;
use fastburn::models::{MlpConfig, Model};
use fastburn::optim::OptimizerKind;
use fastburn::plot::{Chart, show_image, text};
use fastburn::vision::{Images, ReadOptions};
use fastburn::{Error, Seed};
use lesson::{Lesson, step};
use rayon::prelude::*;

const PIXELS: usize = 28 * 28;
const HIDDEN: usize = 500;
const BATCH: usize = 1000;
const LR: f64 = 50.0;
const EPOCHS: usize = 30;
/// The number of epochs of each attempt to improve the net.
const CURE_EPOCHS: usize = 4;

fn main() -> Result<()> {
    let lesson = Lesson::begin("05_ten_digits")?;
    let device = &lesson.device;
    let data = lesson.data()?;

    step("The data: ten stacks of images, one after the other");
    let (train_images, valid_images) = data.splits.read(&ReadOptions::new(), &|_, _| {})?;
    let stacks = stack_by_class(&train_images, device)?;
    for (class, stack) in train_images.classes().iter().zip(&stacks) {
        println!("{class}: {:?}", stack.dims());
    }
    let mean_5 = fastburn::vision::Bitmap::from_tensor::<3>(stacks[5].clone().mean_dim(0))?;
    println!("the mean of the 5s:");
    print!("{}", text::image(&mean_5, lesson.paint()));
    lesson.save("mean_of_5", &show_image(&mean_5)?)?;

    step("Inputs are rows of pixels, targets are one-hot rows");
    let (x, y) = rows(&stacks);
    let (valid_x, valid_y) = rows(&stack_by_class(&valid_images, device)?);
    println!("training   x {:?}, y {:?}", x.dims(), y.dims());
    println!("validation x {:?}, y {:?}", valid_x.dims(), valid_y.dims());
    let images = train_images.len();
    let fits = x.dims() == [images, PIXELS] && y.dims() == [images, 10];
    lesson.claim(fits, "each image has a row of 784 pixels and a row of ten targets")?;
    let sums = y.clone().sum_dim(1);
    let (least, most): (f32, f32) = (sums.clone().min().into_scalar(), sums.max().into_scalar());
    let largest: f32 = y.clone().max().into_scalar();
    let one_hot = [least, most, largest] == [1.0; 3];
    lesson.claim(one_hot, "each row of targets has a single 1 and is 0 elsewhere")?;

    step("A hand-written net: 784-500-10, weights from N(0, 1), mnist_loss, learning rate 50");
    let autodiff = device.clone().autodiff();
    autodiff.seed(lesson.seed);
    let first = random_parameters(&[PIXELS, HIDDEN, 10], &autodiff);
    let loader = DataLoader::new(TensorSource::new(x.clone(), y.clone())?);
    let loader = loader.batch_size(BATCH)?.shuffle(Seed::new(lesson.seed));
    println!("{} mini-batches of {BATCH} per epoch, shuffled anew in each", loader.len());
    let mut parameters = first.clone();
    let mut losses = Vec::new();
    for epoch in 0..EPOCHS {
        losses.extend(train_epoch(&mut parameters, &loader, epoch, &autodiff)?);
        if epoch % 10 == 0 || epoch == EPOCHS - 1 {
            let right = batch_accuracy(predict(&parameters, valid_x.clone()), valid_y.clone());
            println!("epoch {epoch:>2}: accuracy {:.2} %", 100.0 * right);
        }
    }
    let losses = Tensor::cat(losses, 0).try_into_vec_as::<f32>().context("read the losses")?;
    let losses: Vec<f64> = losses.into_iter().map(f64::from).collect();
    println!("loss: {}", text::sparkline(&losses, 60));
    let curve = (0..).map(f64::from).zip(losses);
    let chart = Chart::new("784-500-10 with mnist_loss, learning rate 50");
    lesson.save("loss", &chart.axes("step", "mnist_loss of the batch").line("", curve).draw()?)?;
    let by_hand = batch_accuracy(predict(&parameters, valid_x.clone()), valid_y.clone());
    if data.is_mnist {
        println!("The tutorial reached 36 %, and PyTorch 9 to 31 % with six seeds.");
    }

    step("Why?");
    why(&lesson, &first, &parameters, &valid_x, &valid_y)?;

    step("One change at a time");
    println!("Each row keeps the changes above it.");
    println!("{:<36}  epochs  accuracy", "change");
    println!("{:<36}  {EPOCHS:>6}  {:.2} %", "hand-written", 100.0 * by_hand);
    let accuracies = cures(&lesson, train_images, valid_images)?;
    for (cure, accuracy) in CURES.iter().zip(&accuracies) {
        let accuracy = match accuracy {
            Some(accuracy) => format!("{:.2} %", 100.0 * accuracy),
            None => "diverged".to_owned(),
        };
        println!("{:<36}  {CURE_EPOCHS:>6}  {accuracy}", cure.change);
    }
    println!(
        "Changes work together. Cross-entropy does not saturate where the net is confident and\n\
         wrong, so its gradients are much larger. A learning rate of 50 is then far too high,\n\
         and cross-entropy alone does not help. Adam scales its own steps and needs another\n\
         learning rate."
    );

    step("Results");
    let [_, slower, .., best] = accuracies.map(Option::unwrap_or_default);
    let claim = format!("the hand-written net reaches {:.1} %, less than 60 %", 100.0 * by_hand);
    lesson.claim(by_hand < 0.6, claim)?;
    let claim =
        format!("cross-entropy with a learning rate of 0.5 reaches {:.1} %", 100.0 * slower);
    lesson.claim(slower > by_hand, claim)?;
    let expected = if data.is_mnist { 97.5 } else { 85.0 };
    let claim = format!("all changes reach {:.1} %, at least {expected} %", 100.0 * best);
    lesson.claim(100.0 * best >= expected, claim)
}

/// Examines the outputs of the net before and after training.
fn why(
    lesson: &Lesson,
    first: &[Tensor<2>],
    trained: &[Tensor<2>],
    x: &Tensor<2>,
    y: &Tensor<2>,
) -> Result<()> {
    let (size, flat) = saturation(predict(first, x.clone()));
    println!(
        "Before the first step the mean |output| is {size:.0}. A sigmoid is flat there: its\n\
         slope is below 0.001 for {:.0} % of the outputs, which contribute as little to the\n\
         gradient.",
        100.0 * flat
    );
    lesson.claim(flat > 0.8, "weights from N(0, 1) saturate most sigmoids")?;

    let small = MlpConfig::new([PIXELS, HIDDEN, 10]).init(&lesson.device, lesson.seed)?;
    let (size, flat) = saturation(small.forward(x.clone()));
    println!(
        "With uniform weights between -1/√inputs and 1/√inputs, PyTorch's default, the mean is\n\
         {size:.2}, and {:.0} % of the sigmoids are saturated.",
        100.0 * flat
    );
    lesson.claim(flat < 0.01, "such small weights saturate hardly any sigmoid")?;

    let says_no = Tensor::full(y.dims(), -100.0, &lesson.device);
    let trap: f32 = mnist_loss(says_no, y.clone())?.into_scalar();
    let yes = predict(trained, x.clone()).greater_scalar(0.0).float();
    let answered: f32 = yes.sum_dim(1).greater_scalar(0.5).float().mean().into_scalar();
    println!(
        "The loss also has a trap. Predicting none of the ten digits costs only {trap:.2}, as\n\
         nine of ten answers are right, and the gradient there is almost 0. The trained net\n\
         predicts at least one digit for {:.0} % of the images.",
        100.0 * answered
    );
    Ok(())
}

/// Returns the mean absolute output, and the share of outputs at which a sigmoid is flat.
fn saturation(outputs: Tensor<2>) -> (f32, f32) {
    let size = outputs.clone().abs().mean().into_scalar();
    let p = sigmoid(outputs);
    let slope = p.clone() * (-p + 1.0);
    (size, slope.lower_scalar(1e-3).float().mean().into_scalar())
}

/// Returns the images of each class as a tensor, `[images, height, width]`, from 0 to 1.
fn stack_by_class(images: &Images, device: &Device) -> Result<Vec<Tensor<3>>> {
    let [_, height, width] = images.shape();
    let stack = |class: u32| {
        let of_class = (0..images.len()).filter(|&index| images.labels()[index] == class);
        let mut pixels: Vec<f32> = Vec::new();
        for index in of_class {
            pixels.extend(images.pixels(index)?.iter().map(|&pixel| f32::from(pixel) / 255.0));
        }
        let count = pixels.len() / (height * width);
        Ok(Tensor::from_data(TensorData::new(pixels, [count, height, width]), device))
    };
    (0..images.classes().len() as u32).map(stack).collect()
}

/// Returns all stacks as rows of pixels, `[images, pixels]`, and their targets,
/// `[images, classes]`, with a 1 in the column of the image's stack.
fn rows(stacks: &[Tensor<3>]) -> (Tensor<2>, Tensor<2>) {
    let flat = stacks.iter().map(|stack| stack.clone().flatten::<2>(1, 2)).collect();
    let targets = stacks.iter().zip(0..).map(|(stack, class)| {
        let classes = Tensor::<1, Int>::full([stack.dims()[0]], class, &stack.device());
        classes.one_hot::<2>(stacks.len()).float()
    });
    let targets = targets.collect();
    (Tensor::cat(flat, 0), Tensor::cat(targets, 0))
}

/// Draws a weight `[inputs, outputs]` and a bias `[1, outputs]` for each layer.
fn random_parameters(widths: &[usize], device: &Device) -> Vec<Tensor<2>> {
    let normal = Distribution::Normal(0.0, 1.0);
    let layers = widths.windows(2).flat_map(|layer| [[layer[0], layer[1]], [1, layer[1]]]);
    layers.map(|shape| Tensor::random(shape, normal, device)).collect()
}

/// Computes layers of `x · weight + bias` with a ReLU between them, from `[batch, pixels]` to
/// `[batch, classes]`.
fn predict(parameters: &[Tensor<2>], mut x: Tensor<2>) -> Tensor<2> {
    for (index, layer) in parameters.chunks_exact(2).enumerate() {
        if index > 0 {
            x = relu(x);
        }
        x = x.matmul(layer[0].clone()) + layer[1].clone();
    }
    x
}

/// Takes a step for each mini-batch, and returns their losses, which stay on the device.
fn train_epoch(
    parameters: &mut Vec<Tensor<2>>,
    loader: &DataLoader<Tensor<2>, Tensor<2>>,
    epoch: usize,
    device: &Device,
) -> Result<Vec<Tensor<1>>> {
    let order = loader.order(epoch);
    let mut losses = Vec::new();
    for index in 0..loader.len() {
        let batch = loader.batch(&order, index, device)?;
        let leaves: Vec<_> =
            std::mem::take(parameters).into_iter().map(|p| p.detach().require_grad()).collect();
        let loss = mnist_loss(predict(&leaves, batch.input), batch.target)?;
        let gradients = loss.backward();
        losses.push(loss.inner());
        for parameter in leaves {
            let slope = parameter.grad(&gradients).context("a parameter has no gradient")?;
            parameters.push(parameter - Tensor::from_inner(slope) * LR);
        }
    }
    Ok(losses)
}

/// Returns the share of rows whose largest output is in the target's column.
fn batch_accuracy(outputs: Tensor<2>, targets: Tensor<2>) -> f64 {
    let right = outputs.argmax(1).equal(targets.argmax(1)).float().mean();
    right.into_scalar::<f32>().into()
}

/// A change, and the resulting training settings.
struct Cure {
    change: &'static str,
    init: Init,
    optimizer: OptimizerKind,
    lr: f64,
    batch: usize,
}

/// All use cross-entropy. Each differs from the previous one in one respect.
const CURES: [Cure; 5] = [
    Cure { change: "loss: cross-entropy", ..CROSS_ENTROPY },
    Cure { change: "learning rate: 0.5", lr: 0.5, ..CROSS_ENTROPY },
    Cure { change: "initial weights: PyTorch's", ..SMALL_WEIGHTS },
    Cure { change: "optimizer: Adam, learning rate 3e-3", ..ADAM },
    Cure { change: "batches: 500", batch: 500, ..ADAM },
];
const CROSS_ENTROPY: Cure =
    Cure { change: "", init: Init::Normal, optimizer: OptimizerKind::Sgd, lr: LR, batch: BATCH };
const SMALL_WEIGHTS: Cure = Cure { init: Init::PyTorch, lr: 0.5, ..CROSS_ENTROPY };
const ADAM: Cure = Cure { optimizer: OptimizerKind::Adam, lr: 3e-3, ..SMALL_WEIGHTS };

/// Returns the accuracy of each changed net; `None` if its loss diverged.
fn cures(lesson: &Lesson, train: Images, valid: Images) -> Result<[Option<f64>; CURES.len()]> {
    let dls = DataLoaders::from_images(train, valid, class_indices, &lesson.device);
    let dls = dls.shuffle(Seed::new(lesson.seed));
    let train = |cure: &Cure| -> Result<Option<f64>> {
        let config = MlpConfig::new([PIXELS, HIDDEN, 10]).with_init(cure.init);
        let model = config.init(&lesson.device, lesson.seed)?;
        let mut learn =
            Learner::new(dls.clone().batch_size(cure.batch)?, model, CrossEntropy::new())
                .optimizer(cure.optimizer)
                .metric(accuracy());
        match learn.fit(CURE_EPOCHS, cure.lr) {
            Ok(()) => Ok(learn.history().epochs.last().map(|row| row.metrics[0])),
            Err(Error::Diverged { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    let accuracies = CURES.par_iter().map(train).collect::<Result<Vec<_>>>()?;
    Ok(std::array::from_fn(|index| accuracies[index]))
}
