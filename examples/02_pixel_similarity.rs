//! Lesson 2: telling a 3 from a 7 by comparing pixels.
//!
//! You will learn to stack images into a tensor, to compute their mean, to measure the distance
//! between two images, and to do that for a thousand images in one line. The result is a baseline:
//! a simple method that anything cleverer has to beat.
//!
//! ```sh
//! cargo run --release --example 02_pixel_similarity
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::Result;
use burn::nn::loss::{LpLossConfig, MseLoss, Reduction};
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::plot::{image_grid, text};
use fastburn::vision::{Baseline, Distance, mean_images};
use fastburn::vision::{Bitmap, ImageFolder, Images, ReadOptions};
use lesson::{Lesson, step};

fn main() -> Result<()> {
    let lesson = Lesson::begin("02_pixel_similarity")?;
    let device = &lesson.device;
    let data = lesson.data()?;
    let splits = &data.splits;

    step("All 3s in one tensor, all 7s in another");
    let threes = stack(&splits.train.with_classes(&["3"])?, device)?;
    let sevens = stack(&splits.train.with_classes(&["7"])?, device)?;
    println!("3s {:?}, 7s {:?}: [images, height, width]", threes.dims(), sevens.dims());

    step("The ideal 3 and the ideal 7: the mean of each pixel");
    let ideal_3: Tensor<3> = threes.clone().mean_dim(0);
    let ideal_7: Tensor<3> = sevens.mean_dim(0);
    let one: Tensor<3> = threes.narrow(0, 1, 1);
    let pictures = [&ideal_3, &ideal_7, &one].map(|image| Bitmap::from_tensor(image.clone()));
    let [picture_3, picture_7, picture_one] = pictures;
    let (picture_3, picture_7, picture_one) = (picture_3?, picture_7?, picture_one?);
    let titled = [(&picture_3, "ideal 3"), (&picture_7, "ideal 7"), (&picture_one, "one 3")];
    print!("{}", text::image_grid(&titled, 80, lesson.paint()));
    lesson.save("ideals", &image_grid(&titled, 3)?)?;

    step("How far is one 3 from each ideal?");
    println!("                 L1: mean |a - b|   L2: square root of the mean (a - b)²");
    let mut distances = Vec::new();
    for (name, ideal) in [("to the ideal 3", &ideal_3), ("to the ideal 7", &ideal_7)] {
        let difference = one.clone() - ideal.clone();
        let l1: f32 = difference.clone().abs().mean().into_scalar();
        let l2: f32 = difference.square().mean().sqrt().into_scalar();
        println!("{name}   {l1:.4}             {l2:.4}");
        // Burn has the first as a loss function, and the square of the second as another.
        let burns_l1 = LpLossConfig::l1().forward(one.clone(), ideal.clone(), Reduction::Mean);
        let burns_mse = MseLoss::new().forward(one.clone(), ideal.clone(), Reduction::Mean);
        let same = (burns_l1.into_scalar::<f32>() - l1).abs() < 1e-6
            && (burns_mse.into_scalar::<f32>() - l2 * l2).abs() < 1e-6;
        lesson.claim(
            same,
            "Burn's L1 loss equals L1, and its mean squared error equals L2 squared",
        )?;
        distances.push([l1, l2]);
    }
    let nearer = |by: usize| if distances[0][by] < distances[1][by] { "3" } else { "7" };
    println!("By L1 it is nearer to the ideal {}, by L2 to the ideal {}.", nearer(0), nearer(1));

    step("All validation images at once");
    let valid_3s = stack(&splits.valid.with_classes(&["3"])?, device)?;
    let valid_7s = stack(&splits.valid.with_classes(&["7"])?, device)?;
    let distances = distance(valid_3s.clone(), &ideal_3);
    println!(
        "3s {:?} against an ideal {:?}: distances {:?}",
        valid_3s.dims(),
        ideal_3.dims(),
        distances.dims()
    );
    let is_3 = |images: &Tensor<3>| {
        let to_3 = distance(images.clone(), &ideal_3);
        let to_7 = distance(images.clone(), &ideal_7);
        to_3.lower(to_7).float()
    };
    let of_3s: f32 = is_3(&valid_3s).mean().into_scalar();
    let of_7s: f32 = (-is_3(&valid_7s) + 1.0).mean().into_scalar();
    let mean = (of_3s + of_7s) / 2.0;
    println!("accuracy: {of_3s:.4} on 3s, {of_7s:.4} on 7s, {mean:.4} on average");

    step("The same for all ten digits");
    let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {})?;
    let ideals = mean_images(&train)?;
    let titled: Vec<_> = ideals.iter().zip(train.classes()).map(|(i, c)| (i, c.as_str())).collect();
    print!("{}", text::image_grid(&titled, 80, lesson.paint()));
    lesson.save("ten_ideals", &image_grid(&titled, 5)?)?;
    let l1 = Baseline::new(&train, Distance::L1, device)?.evaluate(valid.clone())?;
    let l2 = Baseline::new(&train, Distance::L2, device)?.evaluate(valid)?;
    println!("class  images  L1      L2");
    for (index, class) in l1.classes.iter().enumerate() {
        let (by_l1, by_l2) = (l1.class_accuracy(index), l2.class_accuracy(index));
        println!("{class:<5}  {:>6}  {by_l1:.4}  {by_l2:.4}", l1.support(index));
    }
    println!("all            {:.4}  {:.4}", l1.accuracy(), l2.accuracy());

    step("Results");
    // The bundled digits vary more than handwritten ones.
    let mut expected = [0.75, 0.45, 0.7];
    if data.is_mnist {
        let rounded = [of_3s, of_7s, mean].map(|value| format!("{value:.4}"));
        let known = ["0.9168", "0.9854", "0.9511"];
        lesson.claim(
            rounded == known,
            format!("the accuracies on 3s, 7s and both equal fastai's {}", known.join(", ")),
        )?;
        expected = [0.95, 0.66, 0.82];
    }
    let [of_two, by_l1, by_l2] = [f64::from(mean), l1.accuracy(), l2.accuracy()];
    let [least, least_l1, least_l2] = expected;
    let claim = format!("accuracy of 3 or 7 by pixels: {of_two:.4}, at least {least}");
    lesson.claim(of_two >= least, claim)?;
    let claim = format!("accuracy on ten digits by L1: {by_l1:.4}, at least {least_l1}");
    lesson.claim(by_l1 >= least_l1, claim)?;
    let claim =
        format!("accuracy on ten digits by L2: {by_l2:.4}, at least {least_l2}: the one to beat");
    lesson.claim(by_l2 >= least_l2, claim)?;
    lesson.claim(by_l2 > by_l1, "L2 is better than L1 on ten digits")
}

/// Returns the images as one tensor, `[images, height, width]`, from 0 (black) to 1 (white).
fn stack(folder: &ImageFolder, device: &Device) -> Result<Tensor<3>> {
    let images = Images::decode(folder)?;
    let [_, height, width] = images.shape();
    let image = |index| {
        let pixels = images.pixels(index)?;
        let pixels: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        Ok(Tensor::<2>::from_data(TensorData::new(pixels, [height, width]), device))
    };
    Ok(Tensor::stack((0..images.len()).map(image).collect::<Result<_>>()?, 0))
}

/// Returns the mean absolute difference of images `[images, height, width]` from an ideal,
/// `[images]`. The ideal, `[1, height, width]`, is broadcast to all images.
fn distance(images: Tensor<3>, ideal: &Tensor<3>) -> Tensor<1> {
    (images - ideal.clone()).abs().mean_dims(&[1, 2]).squeeze_dims(&[1, 2])
}
