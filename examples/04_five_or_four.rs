//! Lesson 4: 5 or 4, with hand-written nets.
//!
//! You will learn to classify images with the seven steps of lesson 3. You will need a
//! differentiable loss instead of the accuracy, a linear model, and a net with a hidden layer. Then
//! you will learn to distrust a single run: another seed can give a very different net.
//!
//! ```sh
//! cargo run --release --example 04_five_or_four
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use fastburn::data::is_class_one;
use fastburn::loss::mnist_loss;
use fastburn::plot::{Chart, text};
use fastburn::vision::{ImageFolder, Images};
use lesson::{Lesson, step};
use rayon::prelude::*;

const PIXELS: usize = 28 * 28;
const STEPS: usize = 100;
const LR: f64 = 1.0;
const SEEDS: u64 = 5;

/// The largest allowed difference between the median of five seeds and that of PyTorch's twenty, in
/// percentage points.
const MARGIN: f64 = 5.0;

/// A net, with reference accuracies in per cent.
struct Net {
    name: &'static str,
    widths: &'static [usize],
    /// The tutorial's single run.
    tutorial: f64,
    /// The lowest, the median and the highest of twenty runs of `benches/pytorch_lessons.py`.
    pytorch: [f64; 3],
}

const NETS: [Net; 3] = [
    Net {
        name: "784-784-1",
        widths: &[PIXELS, PIXELS, 1],
        tutorial: 95.3,
        pytorch: [52.8, 95.3, 96.7],
    },
    Net { name: "784-50-1", widths: &[PIXELS, 50, 1], tutorial: 94.0, pytorch: [47.6, 95.2, 96.5] },
    Net { name: "linear", widths: &[PIXELS, 1], tutorial: 93.01, pytorch: [47.3, 91.7, 96.1] },
];

/// Inputs `[images, 784]` and targets `[images, 1]`: 1 for a 5, 0 for a 4.
struct Examples {
    x: Tensor<2>,
    y: Tensor<2>,
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("04_five_or_four")?;
    let device = lesson.device.clone().autodiff();

    step("The data: rows of pixels, and 1 for a 5, 0 for a 4");
    let data = lesson.data()?;
    let fours_and_fives = data.splits.with_classes(&["4", "5"])?;
    let train = examples(&fours_and_fives.train, &device)?;
    let valid = examples(&fours_and_fives.valid, &device)?;
    println!("training   x {:?}, y {:?}", train.x.dims(), train.y.dims());
    println!("validation x {:?}, y {:?}", valid.x.dims(), valid.y.dims());

    step("Why accuracy is not a loss");
    why_not_accuracy(&lesson, &train, &device)?;

    step("Three nets, five seeds each");
    println!("{STEPS} steps on all images at once, learning rate {LR}, weights from N(0, 1)");
    let seeds = (0..SEEDS).map(|index| lesson.seed.wrapping_add(index));
    // The parameters are drawn in sequence, so that they do not depend on thread timing. The
    // largest net trains first, so that no thread is left alone with it at the end.
    let plans: Vec<_> = NETS
        .iter()
        .flat_map(|net| seeds.clone().map(move |seed| (net, seed)))
        .map(|(net, seed)| (net, seed, random_parameters(net.widths, seed, &device)))
        .collect();
    let runs = plans
        .into_par_iter()
        .map(|(net, seed, parameters)| Run::train(net, seed, parameters, &train, &valid))
        .collect::<Result<Vec<_>>>()?;

    let mut medians = Vec::new();
    let mut chart = Chart::new("5 or 4: three nets, each with five seeds")
        .axes("step", "mnist_loss, training images");
    for net in NETS.iter().rev() {
        let mut of_net: Vec<&Run> = runs.iter().filter(|run| run.net == net.name).collect();
        println!("\n{}", net.name);
        for Run { seed, accuracy, losses, .. } in &of_net {
            let (first, last) = (losses[0], losses[STEPS - 1]);
            println!("  seed {seed}: loss {first:.3} -> {last:.3}, accuracy {accuracy:.2} %");
        }
        of_net.sort_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
        let (worst, median, best) = (of_net[0], of_net[of_net.len() / 2], of_net[of_net.len() - 1]);
        println!(
            "  median {:.2} %, range {:.2} to {:.2} %",
            median.accuracy, worst.accuracy, best.accuracy
        );
        if data.is_mnist {
            let [least, median, most] = net.pytorch;
            println!("  the tutorial's single run: {} %", net.tutorial);
            println!("  twenty runs of PyTorch: median {median} %, range {least} to {most} %");
        }
        println!("  loss of the median run: {}", text::sparkline(&median.losses, 50));
        medians.push((net, median.accuracy));
        chart = chart.line(net.name, median.curve());
        for run in &of_net {
            chart = chart.faint_line(run.curve());
        }
    }
    lesson.save("losses", &chart.draw()?)?;
    println!(
        "A single run says little about a net like this. Weights from N(0, 1) are so large\n\
         that most sigmoids start out saturated, and with some seeds they stay so. A net with\n\
         the same answer for all images is right for half of them."
    );

    step("Results");
    for (net, median) in medians.into_iter().filter(|_| data.known_figures) {
        let [_, pytorch, _] = net.pytorch;
        let claim = format!(
            "{}: the median, {median:.2} %, is within {MARGIN} points of PyTorch's {pytorch} %",
            net.name
        );
        lesson.claim((median - pytorch).abs() <= MARGIN, claim)?;
    }
    for net in &NETS {
        let of_net = runs.iter().filter(|run| run.net == net.name);
        let halved = of_net.filter(|run| run.losses[STEPS - 1] < run.losses[0] / 2.0).count();
        let claim = format!("{}: {halved} of {SEEDS} seeds at least halve the loss", net.name);
        lesson.claim(halved > 0, claim)?;
    }
    let best = runs.iter().map(|run| run.accuracy).fold(0.0, f64::max);
    lesson.claim(best >= 85.0, format!("the best net reaches {best:.1} %, at least 85 %"))
}

/// Reads all images of a folder into one tensor.
fn examples(folder: &ImageFolder, device: &Device) -> Result<Examples> {
    let images = Images::decode(folder)?;
    let mut pixels: Vec<f32> = Vec::new();
    for index in 0..images.len() {
        pixels.extend(images.pixels(index)?.iter().map(|&pixel| f32::from(pixel) / 255.0));
    }
    let x = Tensor::from_data(TensorData::new(pixels, [images.len(), PIXELS]), device);
    let y = is_class_one(images.labels(), images.classes().len(), device);
    Ok(Examples { x, y })
}

/// Draws a weight `[inputs, outputs]` and a bias `[1, outputs]` for each layer.
fn random_parameters(widths: &[usize], seed: u64, device: &Device) -> Vec<Tensor<2>> {
    device.seed(seed);
    let normal = Distribution::Normal(0.0, 1.0);
    let layers = widths.windows(2).flat_map(|layer| [[layer[0], layer[1]], [1, layer[1]]]);
    layers.map(|shape| Tensor::random(shape, normal, device)).collect()
}

/// Computes layers of `x · weight + bias`, with a sigmoid between them.
fn predict(parameters: &[Tensor<2>], x: &Tensor<2>) -> Tensor<2> {
    let mut x = x.clone();
    for (index, layer) in parameters.chunks_exact(2).enumerate() {
        if index > 0 {
            x = sigmoid(x);
        }
        x = x.matmul(layer[0].clone()) + layer[1].clone();
    }
    x
}

/// Returns the share of predictions on the correct side of 0, `[1]`.
fn accuracy(predictions: Tensor<2>, targets: &Tensor<2>) -> Tensor<1> {
    let is_5 = targets.clone().greater_scalar(0.5);
    predictions.greater_scalar(0.0).equal(is_5).float().mean()
}

fn why_not_accuracy(lesson: &Lesson, train: &Examples, device: &Device) -> Result<()> {
    let parameters: Vec<Tensor<2>> = random_parameters(&[PIXELS, 1], lesson.seed, device)
        .into_iter()
        .map(Tensor::require_grad)
        .collect();
    let loss = mnist_loss(predict(&parameters, &train.x), train.y.clone())?;
    let slopes = slopes(&parameters, &loss.backward())?;

    // The error of each image's prediction, whose mean is the loss. The change of the loss is
    // computed per image, since the difference of two means would be lost to rounding.
    let outcome = |parameters: &[Tensor<2>]| {
        let predictions = predict(parameters, &train.x);
        let accuracy: f32 = accuracy(predictions.clone(), &train.y).into_scalar();
        (f64::from(accuracy), (train.y.clone() - sigmoid(predictions)).abs())
    };
    let (accuracy_here, off_here) = outcome(&parameters);
    println!("step against the gradient   change of mnist_loss   change of the accuracy");
    let mut changes = Vec::new();
    for length in [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5] {
        let moved: Vec<_> = parameters
            .iter()
            .zip(&slopes)
            .map(|(p, slope)| p.clone().detach() - slope.clone() * length)
            .collect();
        let (accuracy, off) = outcome(&moved);
        let loss: f32 = (off - off_here.clone()).mean().into_scalar();
        changes.push((loss, accuracy - accuracy_here));
        println!("{length:<25}   {loss:<+20.8}   {:+.8}", accuracy - accuracy_here);
    }
    println!(
        "The accuracy jumps when the answer for an image changes, and is constant in between:\n\
         its gradient is 0 almost everywhere. The loss changes with every step, however small."
    );
    let still = changes.last().is_some_and(|&(_, accuracy)| accuracy == 0.0);
    lesson.claim(still, "the smallest step does not change the accuracy at all")?;
    let falls = changes.iter().all(|&(loss, _)| loss < 0.0);
    lesson.claim(falls, "every step reduces the loss")?;
    let of_accuracy = accuracy(predict(&parameters, &train.x), &train.y);
    lesson.claim(!of_accuracy.is_tracked(), "Burn does not track gradients of the accuracy")
}

fn slopes(parameters: &[Tensor<2>], gradients: &burn::tensor::Gradients) -> Result<Vec<Tensor<2>>> {
    parameters
        .iter()
        .map(|p| Ok(Tensor::from_inner(p.grad(gradients).context("no gradient")?)))
        .collect()
}

/// The result of a training run.
struct Run {
    net: &'static str,
    seed: u64,
    /// The loss on the training images before each step.
    losses: Vec<f64>,
    /// The accuracy on the validation images, in per cent.
    accuracy: f64,
}

impl Run {
    fn train(
        net: &Net,
        seed: u64,
        mut parameters: Vec<Tensor<2>>,
        train: &Examples,
        valid: &Examples,
    ) -> Result<Self> {
        let mut losses = Vec::new();
        for _ in 0..STEPS {
            // Each step starts a new graph: how these parameters were computed no longer matters.
            let leaves: Vec<_> =
                parameters.into_iter().map(|p| p.detach().require_grad()).collect();
            let loss = mnist_loss(predict(&leaves, &train.x), train.y.clone())?;
            let slopes = slopes(&leaves, &loss.backward())?;
            losses.push(loss.inner());
            parameters = leaves.into_iter().zip(slopes).map(|(p, slope)| p - slope * LR).collect();
        }
        let accuracy: f32 = accuracy(predict(&parameters, &valid.x), &valid.y).into_scalar();
        let losses = Tensor::cat(losses, 0).try_into_vec_as::<f32>().context("read the losses")?;
        Ok(Self {
            net: net.name,
            seed,
            losses: losses.into_iter().map(f64::from).collect(),
            accuracy: 100.0 * f64::from(accuracy),
        })
    }

    fn curve(&self) -> impl Iterator<Item = (f64, f64)> {
        (0..).map(f64::from).zip(self.losses.iter().copied())
    }
}
