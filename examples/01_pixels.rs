//! Lesson 1: images and tensors as numbers.
//!
//! You will learn that a grey image is a table of numbers, that a tensor is such a table of any
//! rank, how to slice a tensor and compute with it, and what broadcasting does.
//!
//! ```sh
//! cargo run --release --example 01_pixels
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::tensor::{Int, Tensor, TensorData, s};
use fastburn::plot::{HeatMap, show_image, text};
use fastburn::vision::Bitmap;
use lesson::{Lesson, step};

/// The part of the image to print: the upper half of a 3.
const ROWS: std::ops::Range<usize> = 4..15;
const COLUMNS: std::ops::Range<usize> = 4..22;

fn main() -> Result<()> {
    let lesson = Lesson::begin("01_pixels")?;
    let device = &lesson.device;

    step("An image is a file");
    let threes = lesson.data()?.splits.train.with_classes(&["3"])?;
    let three = threes.get(1)?;
    let [channels, height, width] = three.shape;
    println!("{}", threes.file_name(1));
    println!("is {width} pixels wide and {height} high, with {channels} channel (grey)");
    let bitmap = Bitmap::try_from(&three)?;
    print!("{}", text::image(&bitmap, lesson.paint()));
    lesson.save("three", &show_image(&bitmap)?)?;

    step("An image is numbers");
    println!("Each pixel is a byte: 0 is black, 255 is white. Part of the image:");
    let part = |row: usize| COLUMNS.map(move |column| row * width + column);
    let numbers: Vec<Vec<f64>> =
        ROWS.map(|row| part(row).map(|i| f64::from(three.pixels[i])).collect()).collect();
    for row in &numbers {
        println!("{}", row.iter().map(|value| format!("{value:>4}")).collect::<String>());
    }
    println!("The same with row and column numbers. Larger numbers are darker, as in a negative:");
    let map = HeatMap::new(numbers)?
        .title("part of a 3: pixel values, 0 to 255")
        .rows("row (pixel)", ROWS)
        .columns("column (pixel)", COLUMNS);
    print!("{}", map.text(lesson.paint()));
    lesson.save("numbers", &map.draw())?;

    step("A tensor is numbers with a shape");
    let bytes: Vec<i32> = three.pixels.iter().map(|&pixel| pixel.into()).collect();
    let image = Tensor::<2, Int>::from_data(TensorData::new(bytes, [height, width]), device);
    println!("rank  {} (the number of axes)", image.rank());
    println!("shape {:?} (the length of each axis)", image.dims());
    println!("dtype {:?} (the type of each number)", image.dtype());
    println!("A stack of such images has rank 3. The rank is part of the type: Tensor<3>.");
    let several = (0..5).map(|index| {
        let item = threes.get(index)?;
        let pixels: Vec<f32> = item.pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
        Ok(Tensor::<2>::from_data(TensorData::new(pixels, [height, width]), device))
    });
    let stack: Tensor<3> = Tensor::stack(several.collect::<Result<Vec<_>>>()?, 0);
    println!("a stack of five: {:?}", stack.dims());
    lesson.claim(stack.dims() == [5, height, width], "a stack's first axis counts its images")?;

    step("Slicing a tensor");
    let table = Tensor::<2, Int>::from_data([[2, 7, 1], [8, 2, 8], [1, 8, 3]], device);
    show("the table           ", &table)?;
    show("row 1               ", &table.clone().slice(s![1, ..]))?;
    show("column 1            ", &table.clone().slice(s![.., 1]))?;
    show("row 1, columns 1, 2 ", &table.clone().slice(s![1, 1..3]))?;
    show("the last row        ", &table.clone().slice(s![-1, ..]))?;
    let last: i64 = table.clone().slice(s![2, 2]).into_scalar();
    println!("A slice keeps the rank: a row is a table with one row.");
    lesson.claim(last == 3, "row 2, column 2 holds 3, since rows and columns count from 0")?;

    step("Computing with a tensor");
    show("plus 1              ", &(table.clone() + 1))?;
    show("times itself        ", &(table.clone() * table.clone()))?;
    let half = table.clone().float() * 1.5;
    println!("times 1.5            {:?}: {:?}", half.dtype(), floats(&half)?);
    println!("Integers are not converted to floats automatically: float() converts them.");
    lesson.claim(floats(&half)?[8] == 4.5, "3 times 1.5 is 4.5, which needs a float dtype")?;

    step("Broadcasting");
    let mean: Tensor<3> = stack.clone().mean_dim(0);
    let difference = stack.clone() - mean.clone();
    println!("five images          {:?}", stack.dims());
    println!("minus their mean     {:?}", mean.dims());
    println!("is                   {:?}", difference.dims());
    println!(
        "An axis of length 1 is broadcast to the length of the other tensor's axis, without a\n\
         copy. The ranks must be equal: a Tensor<2> minus a Tensor<1> does not compile."
    );
    let sum: f32 = difference.mean_dim(0).abs().max().into_scalar();
    lesson.claim(sum < 1e-6, "five images minus their mean have a mean of 0 at every pixel")
}

fn show<const D: usize>(name: &str, tensor: &Tensor<D, Int>) -> Result<()> {
    let values = tensor.clone().try_into_vec_as::<i64>().context("read a tensor")?;
    println!("{name} {:?}: {values:?}", tensor.dims());
    Ok(())
}

fn floats<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.clone().try_into_vec_as::<f32>().context("read a tensor")
}
