//! Lesson 3: gradient descent by hand.
//!
//! You will learn the seven steps that train every model, on a minimal one: a parabola through
//! twenty noisy points. Ten steps of the usual first attempt barely make progress. The same steps
//! with scaled inputs and a well-chosen learning rate find the best-fitting parabola.
//!
//! ```sh
//! cargo run --release --example 03_gradient_descent
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::tensor::{Distribution, Int, Tensor, s};
use fastburn::loss::mse;
use fastburn::plot::{Chart, text};
use lesson::{Lesson, step};

/// The true curve: speed = 0.75 (t - 9.5)² + 1, in metres per second.
const STEEPNESS: f64 = 0.75;
const TURN: f64 = 9.5;
const LOWEST: f64 = 1.0;
/// The standard deviation of the noise.
const NOISE: f64 = 3.0;
const POINTS: usize = 20;

fn main() -> Result<()> {
    let lesson = Lesson::begin("03_gradient_descent")?;
    let device = lesson.device.clone().autodiff();
    device.seed(lesson.seed);

    step("The data: the speed at each of 20 seconds");
    let time = Tensor::<1, Int>::arange(0..POINTS as i64, &device).float();
    let truth = (time.clone() - TURN).square() * STEEPNESS + LOWEST;
    let speed = truth + Tensor::random([POINTS], Distribution::Normal(0.0, NOISE), &device);
    let points = pairs(&time, &speed)?;
    println!("{}", points.iter().map(|(t, v)| format!("{t}: {v:.1}  ")).collect::<String>());
    let chart = |title: &str| {
        Chart::new(title).axes("time (s)", "speed (m/s)").points("measured", points.clone())
    };

    step("Step 1: start from random parameters");
    let first = Tensor::<1>::random([3], Distribution::Normal(0.0, 1.0), &device);
    println!("a, b, c = {:.4?}", values(&first)?);

    step("Step 2: predict");
    let before = pairs(&time, &parabola(&time, &first))?;
    let figure = chart("before the first step").line("predicted", before.iter().copied());
    lesson.save("before", &figure.draw()?)?;

    step("Step 3: measure the loss");
    let parameters = first.clone().require_grad();
    let loss = mse(parabola(&time, &parameters), speed.clone())?;
    let loss_before: f32 = loss.clone().into_scalar();
    println!("mean squared error: {loss_before:.1}");

    step("Step 4: compute the gradients, with Burn");
    let gradients = loss.backward();
    let slope = parameters.grad(&gradients).context("the parameters have no gradient")?;
    println!("d loss / d (a, b, c) = {:.1?}", values(&slope)?);
    // A gradient predicts how a small change of a parameter changes the loss, so try one.
    let nudge = 1e-2;
    let push = Tensor::<1>::from_data([nudge, 0.0, 0.0], &device);
    let higher: f32 =
        mse(parabola(&time, &(first.clone() + push.clone())), speed.clone())?.into_scalar();
    let lower: f32 = mse(parabola(&time, &(first.clone() - push)), speed.clone())?.into_scalar();
    let measured = (higher - lower) / (2.0 * nudge);
    let of_burn = values(&slope)?[0];
    println!("d loss / d a, measured with a ± {nudge}: {measured:.1}");
    let same = (measured - of_burn).abs() < 0.01 * of_burn.abs().max(1.0);
    lesson.claim(same, "a small change of a changes the loss as the gradient predicts")?;

    step("Step 5: step against the gradient");
    let lr = 1e-5;
    let one_step = descend(&time, &speed, &first, lr, 1)?;
    println!("learning rate {lr:e}: loss {loss_before:.1} -> {:.1}", one_step.loss());

    step("Step 6: repeat, ten steps in all");
    let ten = descend(&time, &speed, &first, lr, 10)?;
    for (index, loss) in ten.losses.iter().enumerate() {
        println!("after {index:>2} steps: {loss:.1}");
    }
    let highest = points.iter().chain(&before).map(|point| point.1).fold(0.0, f64::max);
    let lowest = points.iter().chain(&before).map(|point| point.1).fold(0.0, f64::min);
    let panels = [0, 1, 2, 3].map(|steps| -> Result<Chart> {
        let parameters = descend(&time, &speed, &first, lr, steps)?.parameters;
        let predicted = pairs(&time, &parabola(&time, &parameters))?;
        let title = format!("after {steps} {}", if steps == 1 { "step" } else { "steps" });
        Ok(chart(&title).line("predicted", predicted).y_at_least(lowest - 10.0..highest + 10.0))
    });
    let panels = panels.into_iter().collect::<Result<Vec<_>>>()?;
    lesson.save("four_steps", &Chart::row(&panels)?)?;

    step("Step 7: stop");
    println!(
        "Training usually stops when the loss on held-out data no longer falls. Here the loss\n\
         has levelled off, and yet the parabola is not found:"
    );
    report("after ten steps    ", vertex_form(&values(&ten.parameters)?, 0.0, 1.0));
    let thousand = descend(&time, &speed, &first, lr, 1000)?;
    report("after 1,000 steps  ", vertex_form(&values(&thousand.parameters)?, 0.0, 1.0));
    println!("the loss went from {:.1} to {:.1} in 990 more steps", ten.loss(), thousand.loss());
    println!(
        "t² reaches 361, while the input of the constant is 1. A learning rate small enough\n\
         for the former hardly moves the latter. Inputs with a mean of 0 and a standard\n\
         deviation of 1 fix that, and allow a learning rate 30,000 times as high."
    );
    let mean = (POINTS - 1) as f64 / 2.0;
    let deviation = ((POINTS * POINTS - 1) as f64 / 12.0).sqrt();
    let scaled = (time.clone() - mean) / deviation;
    let long = descend(&scaled, &speed, &first, 0.3, 200)?;
    let logs: Vec<f64> = long.losses.iter().map(|&loss| f64::from(loss).ln()).collect();
    println!("log of the loss over 200 steps: {}", text::sparkline(&logs, 40));
    let found = vertex_form(&values(&long.parameters)?, mean, deviation);
    report("200 scaled steps   ", found);
    report("the true curve     ", [STEEPNESS, TURN, LOWEST]);
    let after = pairs(&time, &parabola(&scaled, &long.parameters))?;
    let ten_steps = pairs(&time, &parabola(&time, &ten.parameters))?;
    let figure = chart("before and after")
        .line("ten steps", ten_steps)
        .line("200 steps, scaled inputs", after);
    lesson.save("after", &figure.draw()?)?;

    step("Results");
    let best = least_squares(&points, mean, deviation);
    let close = found.iter().zip(best).all(|(found, best)| (found - best).abs() < 1e-2);
    lesson.claim(close, format!("200 steps find the least-squares parabola, {best:.3?}"))?;
    let [steepness, turn, lowest] = found;
    let near = (steepness - STEEPNESS).abs() < 0.1
        && (turn - TURN).abs() < 0.5
        && (lowest - LOWEST).abs() < 4.0;
    lesson.claim(near, "its parameters are within 0.1, 0.5 and 4 of the true ones")?;
    let residual = f64::from(long.loss()).sqrt();
    let claim = format!("its root mean squared error is {residual:.1} m/s, the noise {NOISE} m/s");
    lesson.claim(residual > NOISE / 2.0 && residual < NOISE * 2.0, claim)?;
    lesson.claim(ten.loss() > 2.0 * long.loss(), "ten unscaled steps leave over twice its loss")?;
    lesson.claim(
        thousand.loss() > 2.0 * long.loss(),
        "a thousand unscaled steps still leave over twice its loss",
    )
}

/// Computes the model, `a t² + b t + c`, for all times at once.
fn parabola(time: &Tensor<1>, parameters: &Tensor<1>) -> Tensor<1> {
    let [a, b, c] = [0, 1, 2].map(|index| parameters.clone().slice(s![index]));
    time.clone().square() * a + time.clone() * b + c
}

/// The result of gradient descent.
struct Descent {
    parameters: Tensor<1>,
    /// The loss before each step and after the last.
    losses: Vec<f32>,
}

impl Descent {
    fn loss(&self) -> f32 {
        self.losses[self.losses.len() - 1]
    }
}

fn descend(
    time: &Tensor<1>,
    speed: &Tensor<1>,
    first: &Tensor<1>,
    lr: f64,
    steps: usize,
) -> Result<Descent> {
    let mut parameters = first.clone();
    let mut losses = Vec::new();
    for _ in 0..steps {
        // Each step starts a new graph: how these parameters were computed no longer matters.
        let leaf = parameters.detach().require_grad();
        let loss = mse(parabola(time, &leaf), speed.clone())?;
        let gradients = loss.backward();
        let slope = leaf.grad(&gradients).context("the parameters have no gradient")?;
        parameters = leaf - Tensor::from_inner(slope) * lr;
        losses.push(loss);
    }
    losses.push(mse(parabola(time, &parameters), speed.clone())?);
    let losses = values(&Tensor::cat(losses, 0))?;
    Ok(Descent { parameters: parameters.detach(), losses })
}

/// Returns the steepness, the turning point and the lowest speed of `a u² + b u + c`, where
/// `u = (t - mean) / deviation`.
fn vertex_form(parameters: &[f32], mean: f64, deviation: f64) -> [f64; 3] {
    let [a, b, c] = [0, 1, 2].map(|index| f64::from(parameters[index]));
    [a / deviation.powi(2), mean - deviation * b / (2.0 * a), c - b * b / (4.0 * a)]
}

fn report(name: &str, [steepness, turn, lowest]: [f64; 3]) {
    let signed = |value: f64| format!("{} {:.2}", if value < 0.0 { '-' } else { '+' }, value.abs());
    println!("{name} {steepness:.2} (t {})² {}", signed(-turn), signed(lowest));
}

/// Returns the least-squares parabola in closed form. The scaled times are symmetric around 0, so
/// the sums of their odd powers vanish: b is independent, and a and c solve two equations.
fn least_squares(points: &[(f64, f64)], mean: f64, deviation: f64) -> [f64; 3] {
    let average = |of: &dyn Fn(f64, f64) -> f64| {
        let sum: f64 = points.iter().map(|&(t, v)| of((t - mean) / deviation, v)).sum();
        sum / points.len() as f64
    };
    let (u2, u4) = (average(&|u, _| u * u), average(&|u, _| u.powi(4)));
    let (v, uv, u2v) = (average(&|_, v| v), average(&|u, v| u * v), average(&|u, v| u * u * v));
    let a = (u2v - u2 * v) / (u4 - u2 * u2);
    let (b, c) = (uv / u2, v - a * u2);
    vertex_form(&[a, b, c].map(|value| value as f32), mean, deviation)
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.clone().try_into_vec_as::<f32>().context("read a tensor")
}

fn pairs(x: &Tensor<1>, y: &Tensor<1>) -> Result<Vec<(f64, f64)>> {
    let (x, y) = (values(x)?, values(y)?);
    Ok(x.into_iter().zip(y).map(|(x, y)| (x.into(), y.into())).collect())
}
