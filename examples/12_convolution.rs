//! Lesson 12: convolution by hand.
//!
//! You will learn how a kernel finds edges, why a convolution is a matrix product, how stride and
//! padding set the size of the output, what pooling keeps, and which pixels a unit sees. Each
//! result is computed by hand and compared with Burn's.
//!
//! ```sh
//! cargo run --release --example 12_convolution
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use std::iter::successors;

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Distribution, Tensor, TensorData, s};
use fastburn::plot::text;
use fastburn::vision::Bitmap;
use lesson::maps::{difference, map, save_grid, side_of_square, stack, values};
use lesson::{Lesson, step};

/// The width and height of a digit.
const SIDE: usize = 28;
const BATCH: usize = 64;
/// The largest allowed difference between two ways to compute the same. They add up float32
/// products in different orders.
const TOLERANCE: f32 = 1e-5;

/// Edge detectors, after Sobel. Each is positive where the image becomes brighter in one direction:
/// down, to the right, down and to the right, down and to the left.
const KERNELS: [(&str, [f32; 9]); 4] = [
    ("top edges", [-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0]),
    ("left edges", [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]),
    ("upper left edges", [-2.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0, 2.0]),
    ("upper right edges", [0.0, -1.0, -2.0, 1.0, 0.0, -1.0, 2.0, 1.0, 0.0]),
];
/// The largest activation of these kernels: three white pixels, times 1, 2 and 1.
const STRONGEST: f32 = 4.0;

/// The size of a kernel, and how it slides.
#[derive(Clone, Copy)]
struct Window {
    kernel: usize,
    /// The distance between two positions.
    stride: usize,
    /// The number of zeros added at each border of the image.
    padding: usize,
}

impl Window {
    /// Returns the height of the output for an image of the given height, or the width for a width.
    fn output(self, input: usize) -> usize {
        (input + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Convolves images `[images, channels, height, width]` with kernels
    /// `[outputs, channels, kernel, kernel]`, with Burn.
    fn conv2d(self, images: &Tensor<4>, kernels: &Tensor<4>) -> Tensor<4> {
        let options = ConvOptions::new([self.stride; 2], [self.padding; 2], [1; 2], 1);
        conv2d(images.clone(), kernels.clone(), None, options)
    }
}

/// A 3×3 kernel at each place where it fits.
const EACH_PLACE: Window = Window { kernel: 3, stride: 1, padding: 0 };

fn main() -> Result<()> {
    let lesson = Lesson::begin("12_convolution")?;
    let train = lesson.data()?.splits.train;
    let image = stack(&train.with_classes(&["3"])?, [1], &lesson.device)?;
    let every = train.len() / BATCH;
    let batch = stack(&train, (0..BATCH).map(|index| index * every), &lesson.device)?;
    let weights: Vec<f32> = KERNELS.iter().flat_map(|(_, weights)| *weights).collect();
    let weights = TensorData::new(weights, [KERNELS.len(), 1, 3, 3]);
    let kernels = Tensor::from_data(weights, &lesson.device);
    let activations = EACH_PLACE.conv2d(&image, &kernels);

    kernels_find_edges(&lesson, &image, &kernels, &activations)?;
    kernels_slide(&lesson, &image, &kernels, &activations)?;
    convolution_is_a_product(&lesson, &batch, &kernels)?;
    sizes(&lesson, &batch, &kernels)?;
    pooling(&lesson, &image, &kernels)?;
    receptive_fields(&lesson)
}

fn kernels_find_edges(
    lesson: &Lesson,
    image: &Tensor<4>,
    kernels: &Tensor<4>,
    activations: &Tensor<4>,
) -> Result<()> {
    step("A kernel is a small table of weights");
    println!("{}", KERNELS.map(|(name, _)| format!("{name:<17}")).join(" ").trim_end());
    for row in 0..3 {
        let rows = KERNELS.map(|(_, kernel)| format!("{:<17}", weights_of(row, &kernel)));
        println!("{}", rows.join(" ").trim_end());
    }
    let pictures = KERNELS.iter().enumerate().map(|(index, (name, _))| {
        Ok((map(&kernels.clone().narrow(0, index, 1), 2.0)?, (*name).to_owned()))
    });
    save_grid(lesson, "kernels", &pictures.collect::<Result<Vec<_>>>()?, KERNELS.len())?;

    println!("On nine pixels of an image, it multiplies each by its weight, and adds them up.");
    let (_, kernel) = KERNELS[0];
    let width = EACH_PLACE.output(SIDE);
    let top = values(&activations.clone().narrow(1, 0, 1))?;
    let strongest = (0..top.len()).max_by(|&a, &b| top[a].total_cmp(&top[b]));
    let strongest = strongest.context("the image is smaller than the kernel")?;
    let (row, column) = (strongest / width, strongest % width);
    println!("The strongest top edge of a 3 is at row {row}, column {column}:");
    let pixels = values(image)?;
    for y in 0..3 {
        let patch = &pixels[(row + y) * SIDE + column..][..3];
        println!("  pixels {patch:.2?}, weights {}", weights_of(y, &kernel));
    }
    let sum = apply(&kernel, &pixels, SIDE, [row, column]);
    let claim = format!("they add up to {sum:.4}, which is conv2d's output there");
    lesson.claim((sum - top[strongest]).abs() < TOLERANCE, claim)?;
    let flat = Tensor::full([1, 1, 3, 3], 0.7, &lesson.device);
    let largest: f32 = EACH_PLACE.conv2d(&flat, kernels).abs().max().into_scalar();
    let claim = "the weights of each kernel add up to 0: in a flat area it finds nothing";
    lesson.claim(largest < TOLERANCE, claim)
}

fn kernels_slide(
    lesson: &Lesson,
    image: &Tensor<4>,
    kernels: &Tensor<4>,
    activations: &Tensor<4>,
) -> Result<()> {
    step("The kernel slides over the image");
    println!("image {:?}, kernels {:?}", image.dims(), kernels.dims());
    println!("activations {:?}, since a 3×3 kernel does not fit at the border", activations.dims());
    let pixels = values(image)?;
    let outputs = KERNELS.iter().flat_map(|(_, kernel)| convolve(kernel, &pixels, SIDE)).collect();
    let by_hand = Tensor::from_data(TensorData::new(outputs, activations.dims()), &lesson.device);
    let claim = format!("two loops by hand equal Burn's conv2d within {TOLERANCE:e}");
    lesson.claim(difference(&by_hand, activations)? < TOLERANCE, claim)?;

    let digit = Bitmap::from_tensor(image.clone())?;
    let top = Bitmap::from_tensor(activations.clone().narrow(1, 0, 1) / STRONGEST)?;
    print!("{}", text::image_grid(&[(&digit, "a 3"), (&top, "its top edges")], 80, lesson.paint()));
    let mut pictures = vec![(digit, "the image".to_owned())];
    for (index, (name, _)) in KERNELS.iter().enumerate() {
        let activations = activations.clone().narrow(1, index, 1);
        pictures.push((map(&activations, STRONGEST)?, (*name).to_owned()));
    }
    save_grid(lesson, "activations", &pictures, pictures.len())?;
    println!("Orange is positive. Blue is negative: the opposite edges.");
    let upside_down = EACH_PLACE.conv2d(&image.clone().flip([2]), kernels).narrow(1, 0, 1);
    let bottom = -activations.clone().narrow(1, 0, 1);
    let same = difference(&upside_down.flip([2]), &bottom)? < TOLERANCE;
    lesson.claim(same, "the top edges of the digit upside down are its bottom edges")
}

fn convolution_is_a_product(lesson: &Lesson, batch: &Tensor<4>, kernels: &Tensor<4>) -> Result<()> {
    step("A convolution is a matrix product");
    let (images, columns) = (batch.dims(), unfold(batch, EACH_PLACE).dims());
    println!("images {images:?}, unfolded {columns:?}");
    println!("A column holds the {} pixels under the kernel at one place.", columns[1]);
    let activations = EACH_PLACE.conv2d(batch, kernels);
    let worst = difference(&convolve_by_product(batch, kernels, EACH_PLACE), &activations)?;
    let claim = format!(
        "the kernels as a matrix [4, 9], times the columns, equal conv2d within {TOLERANCE:e}"
    );
    lesson.claim(worst < TOLERANCE, claim)?;

    // The kernels of a second layer have nine weights for each channel of the first.
    lesson.device.seed(lesson.seed);
    let second = Tensor::random([8, 4, 3, 3], Distribution::Uniform(-0.1, 0.1), &lesson.device);
    let by_hand = convolve_by_product(&activations, &second, EACH_PLACE);
    let worst = difference(&by_hand, &EACH_PLACE.conv2d(&activations, &second))?;
    let claim = format!("so do the kernels {:?} of a second layer, as [8, 36]", second.dims());
    lesson.claim(worst < TOLERANCE, claim)?;
    let outputs = KERNELS.len() * EACH_PLACE.output(SIDE).pow(2);
    println!(
        "A linear layer from {SIDE}×{SIDE} pixels to these {outputs} outputs has {} weights. The\n\
         kernels have {}, since they look for the same at every place.",
        SIDE * SIDE * outputs,
        KERNELS.len() * 9
    );
    Ok(())
}

fn sizes(lesson: &Lesson, batch: &Tensor<4>, kernels: &Tensor<4>) -> Result<()> {
    step("Stride and padding set the size of the output");
    println!("output = (input + 2 × padding - kernel) / stride + 1, rounded down");
    println!("input  kernel  stride  padding  output  conv2d's");
    let cases =
        [[28, 3, 1, 0], [28, 3, 1, 1], [28, 3, 2, 1], [27, 3, 2, 1], [28, 5, 2, 2], [28, 7, 3, 0]];
    let mut equal = true;
    for [input, kernel, stride, padding] in cases {
        let window = Window { kernel, stride, padding };
        let images = batch.clone().slice(s![.., .., 0..input, 0..input]);
        // Nine copies of a detector side by side, cut to the kernel's size.
        let kernels = kernels.clone().repeat(&[1, 1, 3, 3]) / 9.0;
        let kernels = kernels.slice(s![.., .., 0..kernel, 0..kernel]);
        let found = window.conv2d(&images, &kernels);
        let (output, side) = (window.output(input), found.dims()[3]);
        println!("{input:>5}  {kernel:>6}  {stride:>6}  {padding:>7}  {output:>6}  {side:>8}");
        let by_hand = convolve_by_product(&images, &kernels, window);
        equal &= output == side && difference(&by_hand, &found)? < TOLERANCE;
    }
    println!("A 3×3 kernel with a padding of 1 keeps the size. With a stride of 2 it halves it.");
    lesson.claim(equal, "in each case, size and values equal those of conv2d")
}

fn pooling(lesson: &Lesson, image: &Tensor<4>, kernels: &Tensor<4>) -> Result<()> {
    step("Pooling keeps the strongest of each block");
    let layers = pool_repeatedly(EACH_PLACE.conv2d(image, kernels));
    let activations = &layers[0];
    let [images, channels, height, width] = activations.dims();
    // The rows of a block get an axis of their own, and its columns another.
    let blocks = activations.clone().reshape([images * channels, height / 2, 2, width / 2, 2]);
    let [largest, mean] = [blocks.clone().max_dims(&[2, 4]), blocks.mean_dims(&[2, 4])]
        .map(|pooled| pooled.reshape([images, channels, height / 2, width / 2]));
    let averages = avg_pool2d(activations.clone(), AvgPoolOptions::new([2, 2]));
    let equal = difference(&largest, &layers[1])? == 0.0;
    let claim = "the largest and the mean value of each 2×2 block equal Burn's pooling layers";
    lesson.claim(equal && difference(&mean, &averages)? < TOLERANCE, claim)?;
    let mut pictures = Vec::new();
    for (index, (name, _)) in KERNELS.iter().enumerate() {
        for layer in &layers {
            let side = layer.dims()[3];
            let title = if side == width { (*name).to_owned() } else { format!("{side}×{side}") };
            pictures.push((map(&layer.clone().narrow(1, index, 1), STRONGEST)?, title));
        }
    }
    save_grid(lesson, "pooling", &pictures, layers.len())?;

    println!("If the digit moves by one pixel, the activations change, relative to their size, by");
    let moved = pool_repeatedly(EACH_PLACE.conv2d(&image.clone().roll(&[1], &[3]), kernels));
    let mut changes = Vec::new();
    for (before, after) in layers.iter().zip(moved) {
        let change: f32 = (before.clone() - after).abs().mean().into_scalar();
        let size: f32 = before.clone().abs().mean().into_scalar();
        println!("  {0:>2}×{0:<2} {1:>3.0} %", before.dims()[3], 100.0 * change / size);
        changes.push(change / size);
    }
    lesson.claim(changes.is_sorted_by(|a, b| a > b), "the change is smaller after each pooling")
}

/// Returns the activations, and what pooling leaves of them, again and again, down to 3×3.
fn pool_repeatedly(activations: Tensor<4>) -> Vec<Tensor<4>> {
    let pool = |layer: &Tensor<4>| max_pool2d(layer.clone(), MaxPoolOptions::new([2, 2]));
    successors(Some(activations), |layer| (layer.dims()[3] >= 4).then(|| pool(layer))).collect()
}

/// A net of layers by name. A pooling layer that averages is a convolution with equal weights.
const NET: [(&str, Window); 4] = [
    ("conv 3×3", EACH_PLACE),
    ("pool 2×2", Window { kernel: 2, stride: 2, padding: 0 }),
    ("conv 3×3", EACH_PLACE),
    ("conv 3×3", Window { kernel: 3, stride: 2, padding: 0 }),
];

fn receptive_fields(lesson: &Lesson) -> Result<()> {
    step("The receptive field: the pixels that a unit sees");
    println!("A layer widens it by (kernel - 1) × the product of the strides before it.");
    println!("layer     stride  output  formula  gradient  pixels");
    // Image n is black but for pixel n.
    let dots = Tensor::eye(SIDE * SIDE, &lesson.device).reshape([SIDE * SIDE, 1, SIDE, SIDE]);
    let (mut field, mut strides) = (1, 1);
    let mut pictures = Vec::new();
    let mut equal = true;
    for (index, (name, window)) in NET.iter().enumerate() {
        field += (window.kernel - 1) * strides;
        strides *= window.stride;
        let image = Tensor::zeros([1, 1, SIDE, SIDE], &lesson.device.clone().autodiff());
        let image = image.require_grad();
        let (unit, side) = middle_unit(&NET[..=index], image.clone());
        let gradient = image.grad(&unit.backward()).context("the image has no gradient")?;
        let (changes, _) = middle_unit(&NET[..=index], dots.clone());
        let changes = changes.reshape([1, 1, SIDE, SIDE]);

        let (by_gradient, by_pixels) = (side_of_square(&gradient)?, side_of_square(&changes)?);
        let [seen, changing] =
            [by_gradient, by_pixels].map(|side| side.map_or("none".to_owned(), |n| n.to_string()));
        let stride = window.stride;
        println!("{name}  {stride:>6}  {side:>6}  {field:>7}  {seen:>8}  {changing:>6}");
        equal &= by_gradient == Some(field) && by_pixels == Some(field);
        equal &= difference(&gradient, &changes)? < TOLERANCE;
        let title = format!("layer {}: {field}×{field}", index + 1);
        pictures.push((map(&gradient, gradient.clone().max().into_scalar())?, title));
    }
    save_grid(lesson, "receptive_fields", &pictures, NET.len())?;
    println!("The middle counts most, since most paths to the unit begin there.");
    let claim =
        "the formula gives the pixels with a gradient, which are those that change the unit";
    lesson.claim(equal, claim)
}

/// Returns the output of the unit in the middle for each image, and the number of units per row.
/// All weights are equal and positive, so that no two paths to a unit cancel out.
fn middle_unit(net: &[(&str, Window)], images: Tensor<4>) -> (Tensor<4>, usize) {
    let outputs = net.iter().fold(images, |input, (_, window)| {
        let side = window.kernel;
        let weights = Tensor::full([1, 1, side, side], 1.0 / (side * side) as f32, &input.device());
        window.conv2d(&input, &weights)
    });
    let side = outputs.dims()[3];
    (outputs.narrow(2, side / 2, 1).narrow(3, side / 2, 1), side)
}

/// Returns the sum of the pixels under a kernel, each times its weight.
fn apply(kernel: &[f32; 9], pixels: &[f32], width: usize, [row, column]: [usize; 2]) -> f32 {
    let at = |index: usize| pixels[(row + index / 3) * width + column + index % 3];
    kernel.iter().enumerate().map(|(index, weight)| weight * at(index)).sum()
}

/// Slides a kernel over a square image.
fn convolve(kernel: &[f32; 9], pixels: &[f32], side: usize) -> Vec<f32> {
    let mut outputs = Vec::new();
    for row in 0..EACH_PLACE.output(side) {
        for column in 0..EACH_PLACE.output(side) {
            outputs.push(apply(kernel, pixels, side, [row, column]));
        }
    }
    outputs
}

/// Rearranges images `[images, channels, height, width]` to `[images, channels × kernel², places]`.
/// A column holds the pixels under the kernel at one place. Also known as im2col.
fn unfold(images: &Tensor<4>, window: Window) -> Tensor<3> {
    let Window { kernel, stride, padding } = window;
    let [count, channels, height, width] = images.dims();
    let [height, width] = [window.output(height), window.output(width)];
    let padded = images.clone().pad([(padding, padding); 2], PadMode::Constant(0.0));
    // The pixels that one weight meets at all places are every `stride`-th of the image.
    let met =
        |from: usize, places: usize| s![from..from + (places - 1) * stride + 1; stride as isize];
    let pixels = (0..kernel * kernel).map(|weight| {
        let rows = met(weight / kernel, height);
        padded.clone().slice([s![..], s![..], rows, met(weight % kernel, width)])
    });
    let pixels: Tensor<5> = Tensor::stack(pixels.collect(), 2);
    pixels.reshape([count, channels * kernel * kernel, height * width])
}

/// Convolves images as [`Window::conv2d`] does: each kernel is a row of a matrix, which is
/// multiplied by the unfolded images.
fn convolve_by_product(images: &Tensor<4>, kernels: &Tensor<4>, window: Window) -> Tensor<4> {
    let [count, _, height, width] = images.dims();
    let [outputs, channels, kernel, _] = kernels.dims();
    let rows = kernels.clone().reshape([1, outputs, channels * kernel * kernel]);
    let product = rows.matmul(unfold(images, window));
    product.reshape([count, outputs, window.output(height), window.output(width)])
}

/// Formats a row of a kernel.
fn weights_of(row: usize, kernel: &[f32; 9]) -> String {
    kernel[3 * row..3 * row + 3].iter().map(|weight| format!("{weight:>3}")).collect()
}
