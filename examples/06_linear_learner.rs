//! Lesson 6: a linear learner by hand, and a wrong accuracy.
//!
//! You will learn to train a classifier of ten classes with cross-entropy and mini-batches, all by
//! hand. You will see how a metric can be wrong without anyone noticing: comparing two tensors of
//! different rank compares every prediction with every target.
//!
//! ```sh
//! cargo run --release --example 06_linear_learner
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Distribution, Int, Tensor};
use fastburn::data::{DataLoader, class_indices};
use fastburn::plot::{Chart, text};
use fastburn::vision::{ImageSource, Images, ReadOptions, Residency};
use lesson::{Lesson, step};

const PIXELS: usize = 28 * 28;
const CLASSES: usize = 10;
const BATCH: usize = 256;
const LR: f64 = 0.1;
const EPOCHS: usize = 20;

type Loader = DataLoader<Tensor<4>, Tensor<1, Int>>;

fn main() -> Result<()> {
    let lesson = Lesson::begin("06_linear_learner")?;
    let device = lesson.device.clone().autodiff();

    step("Mini-batches, in the order of the files: first all 0s, then all 1s, …");
    let data = lesson.data()?;
    let (train, valid) = data.splits.read(&ReadOptions::new(), &|_, _| {})?;
    let train = loader(train, &device)?;
    let valid = loader(valid, &device)?;
    println!("{} for training and {} for validation, of {BATCH}", train.len(), valid.len());
    let batch = train.batch(&train.order(0), 0, &device)?;
    println!("a batch: images {:?}, classes {:?}", batch.input.dims(), batch.target.dims());

    step("The model: a weight for each pixel and class, and a bias for each class");
    device.seed(lesson.seed);
    let normal = Distribution::Normal(0.0, 1.0);
    let mut weights = Tensor::<2>::random([PIXELS, CLASSES], normal, &device);
    let mut bias = Tensor::<2>::random([1, CLASSES], normal, &device);
    println!("weights {:?}, bias {:?}", weights.dims(), bias.dims());
    let logits = predict(batch.input, &weights, &bias);
    println!("logits  {:?}: the larger, the more probable the class", logits.dims());

    step("The loss: cross-entropy");
    let loss: f32 = cross_entropy(logits.clone(), batch.target.clone()).into_scalar();
    let of_burn = CrossEntropyLossConfig::new().init(&device).forward(logits, batch.target);
    println!("{loss:.4} on the first batch. Equal probabilities for all classes would give");
    println!("ln 10 = 2.3026. Random weights are confident and wrong, which costs more.");
    let same = (of_burn.into_scalar::<f32>() - loss).abs() < 1e-4 * loss;
    lesson.claim(same, "Burn's own cross-entropy gives the same loss")?;

    step("Twenty epochs, and two ways to count correct predictions");
    println!("epoch  [B] against [B, 1]  accuracy");
    let (_, untrained) = validate_epoch(&valid, &weights, &bias, &device)?;
    let (mut slips, mut accuracies) = (Vec::new(), Vec::new());
    for epoch in 0..EPOCHS {
        train_epoch(&train, &mut weights, &mut bias, &device)?;
        let (slip, accuracy) = validate_epoch(&valid, &weights, &bias, &device)?;
        println!("{epoch:>5}  {slip:>18.4}  {accuracy:>8.4}");
        slips.push(slip);
        accuracies.push(accuracy);
    }
    println!("accuracy: {}", text::sparkline(&accuracies, EPOCHS));
    let curve = |values: &[f64]| (0..).map(f64::from).zip(values.to_vec());
    let chart = Chart::new("one model, two metrics")
        .axes("epoch", "share counted as correct")
        .marked_line("accuracy", curve(&accuracies))
        .marked_line("[B] against [B, 1]", curve(&slips));
    lesson.save("accuracies", &chart.draw()?)?;
    println!(
        "The first column compares each prediction with every target of its batch: [B]\n\
         against [B, 1] is broadcast to [B, B], whose mean is not an accuracy. If a batch has\n\
         a single class, as most of MNIST's sorted batches do, all its targets are equal and\n\
         the value is nearly right, so the mistake goes unnoticed. With mixed classes it is\n\
         far off. Here the mistake has to be made on purpose, by reshaping both to rank 2,\n\
         since a Tensor<1> against a Tensor<2> does not compile: see the documentation of\n\
         fastburn::metrics::accuracy. The accuracy itself is low because the initial weights\n\
         are large and the batches are sorted: each one pulls the model towards its class."
    );

    step("Results");
    let (slip, accuracy) = (slips[EPOCHS - 1], accuracies[EPOCHS - 1]);
    if data.known_figures {
        let near = (slip - 0.6374).abs() < 0.03;
        let claim = format!("the wrong metric, {slip:.4}, is within 0.03 of the tutorial's 0.6374");
        lesson.claim(near, claim)?;
        let near = (accuracy - 0.68).abs() < 0.03;
        lesson.claim(
            near,
            format!("the accuracy, {accuracy:.4}, is within 0.03 of PyTorch's 0.68"),
        )?;
    }
    let claim = format!("training raises the accuracy from {untrained:.4} to {accuracy:.4}");
    lesson.claim(accuracy > untrained + 0.2, claim)?;
    lesson.claim((accuracy - slip).abs() > 0.01, "the wrong metric differs from the accuracy")
}

fn loader(images: Images, device: &Device) -> Result<Loader> {
    let source = ImageSource::new(images, class_indices, device, Residency::Auto);
    Ok(DataLoader::new(source).batch_size(BATCH)?)
}

/// Computes `x · weights + bias`, from `[batch, 1, 28, 28]` to `[batch, classes]`.
fn predict(images: Tensor<4>, weights: &Tensor<2>, bias: &Tensor<2>) -> Tensor<2> {
    images.flatten::<2>(1, 3).matmul(weights.clone()) + bias.clone()
}

/// Returns the mean negative log-probability of the targets, `-log softmax(logits)[target]`.
fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let of_target = log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1));
    -of_target.mean()
}

fn train_epoch(
    loader: &Loader,
    weights: &mut Tensor<2>,
    bias: &mut Tensor<2>,
    device: &Device,
) -> Result<()> {
    let order = loader.order(0);
    for index in 0..loader.len() {
        let batch = loader.batch(&order, index, device)?;
        let (w, b) = (weights.clone().require_grad(), bias.clone().require_grad());
        let gradients = cross_entropy(predict(batch.input, &w, &b), batch.target).backward();
        let step = |parameter: Tensor<2>| -> Result<Tensor<2>> {
            let slope = parameter.grad(&gradients).context("a parameter has no gradient")?;
            Ok((parameter - Tensor::from_inner(slope) * LR).detach())
        };
        (*weights, *bias) = (step(w)?, step(b)?);
    }
    Ok(())
}

/// Returns the wrong metric, which compares every prediction with every target of its batch, and
/// the accuracy.
fn validate_epoch(
    loader: &Loader,
    weights: &Tensor<2>,
    bias: &Tensor<2>,
    device: &Device,
) -> Result<(f64, f64)> {
    let order = loader.order(0);
    let (mut slips, mut rights) = (Vec::new(), Vec::new());
    for index in 0..loader.len() {
        let batch = loader.batch(&order, index, device)?;
        let predicted = predict(batch.input, weights, bias).argmax(1); // [B, 1]
        let as_column = batch.target.clone().unsqueeze_dim::<2>(1); // [B, 1]
        let as_row = batch.target.unsqueeze_dim::<2>(0); // [1, B]
        slips.push(predicted.clone().equal(as_row).float().mean()); // of [B, B]
        rights.push(predicted.equal(as_column).float().sum()); // of [B, 1]
    }
    let slip: f32 = Tensor::cat(slips, 0).mean().into_scalar();
    let right: f32 = Tensor::cat(rights, 0).sum().into_scalar();
    Ok((slip.into(), f64::from(right) / loader.items() as f64))
}
