//! Lesson 4: 5 or 4, with nets made by hand.
//!
//! You will learn to classify images with the seven steps of lesson 3: a loss that gradients can
//! follow in place of the accuracy, which they cannot; a linear model; and a net with a hidden
//! layer. Then to distrust a single run: the same net with another seed is another net.
//!
//! ```sh
//! cargo run --release --example 04_five_or_four
//! ```

#[allow(dead_code, reason = "each lesson uses its part")]
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

/// How far the median of five seeds may be from the median of PyTorch's twenty, in per cent points.
const MARGIN: f64 = 5.0;

/// A net, what the tutorial got with it, and the least, median and most of twenty runs of PyTorch,
/// in per cent (`benches/pytorch_lessons.py`).
struct Net {
    name: &'static str,
    widths: &'static [usize],
    tutorial: f64,
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
    println!("to train    x {:?}, y {:?}", train.x.dims(), train.y.dims());
    println!("to validate x {:?}, y {:?}", valid.x.dims(), valid.y.dims());

    step("Why the accuracy is no loss");
    why_not_accuracy(&lesson, &train, &device)?;

    step("Three nets, five seeds each");
    println!("{STEPS} steps on all images at once, learning rate {LR}, weights from N(0, 1)");
    let seeds = (0..SEEDS).map(|index| lesson.seed.wrapping_add(index));
    // The parameters are drawn one net after another, so that they do not depend on which thread is
    // faster; the largest net trains first, so that no thread is left with it at the end.
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
            println!("  the tutorial's single run {} %", net.tutorial);
            println!("  twenty runs of PyTorch: median {median} %, range {least} to {most} %");
        }
        println!("  the median's loss: {}", text::sparkline(&median.losses, 50));
        medians.push((net, median.accuracy));
        chart = chart.line(net.name, median.curve());
        for run in &of_net {
            chart = chart.faint_line(run.curve());
        }
    }
    lesson.save("losses", &chart.draw()?)?;
    println!(
        "A single figure says little about a net like this. Weights from N(0, 1) are so large\n\
         that most sigmoids begin where they are flat, and some seeds stay there: a net that\n\
         gives one answer to all images is right for half of them."
    );

    step("What was shown");
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
        let claim = format!("{}: {halved} of {SEEDS} seeds have halved the loss", net.name);
        lesson.claim(halved > 0, claim)?;
    }
    let best = runs.iter().map(|run| run.accuracy).fold(0.0, f64::max);
    lesson.claim(best >= 85.0, format!("the best net is right for {best:.1} %, at least 85"))
}

/// All images of a folder in one tensor.
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

/// A weight `[inputs, outputs]` and a bias `[1, outputs]` for each layer.
fn random_parameters(widths: &[usize], seed: u64, device: &Device) -> Vec<Tensor<2>> {
    device.seed(seed);
    let normal = Distribution::Normal(0.0, 1.0);
    let layers = widths.windows(2).flat_map(|layer| [[layer[0], layer[1]], [1, layer[1]]]);
    layers.map(|shape| Tensor::random(shape, normal, device)).collect()
}

/// Layers of `x · weight + bias`, with a sigmoid between them.
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

/// The share of predictions on the right side of 0, `[1]`.
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

    // How far off each image's prediction is; its mean is the loss. The change of the loss is taken
    // image by image, since the difference of two means would drown in their rounding.
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
        "The accuracy moves in jumps, when an image changes sides, and not at all between\n\
         them: its slope is 0 nearly everywhere. The loss moves with every step, however\n\
         small."
    );
    let still = changes.last().is_some_and(|&(_, accuracy)| accuracy == 0.0);
    lesson.claim(still, "after the smallest step the accuracy is exactly what it was")?;
    let falls = changes.iter().all(|&(loss, _)| loss < 0.0);
    lesson.claim(falls, "every one of the steps has made the loss smaller")?;
    let of_accuracy = accuracy(predict(&parameters, &train.x), &train.y);
    lesson.claim(!of_accuracy.is_tracked(), "Burn has no gradient of the accuracy at all")
}

fn slopes(parameters: &[Tensor<2>], gradients: &burn::tensor::Gradients) -> Result<Vec<Tensor<2>>> {
    parameters
        .iter()
        .map(|p| Ok(Tensor::from_inner(p.grad(gradients).context("no gradient")?)))
        .collect()
}

/// What a training came to.
struct Run {
    net: &'static str,
    seed: u64,
    /// On the training images, before each step.
    losses: Vec<f64>,
    /// On the validation images, in per cent.
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
            // Each step begins a new graph: what led to these parameters does not matter to it.
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
