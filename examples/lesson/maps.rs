//! Images as tensors, and tensors compared and drawn as maps of positive and negative values.

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::plot::image_grid;
use fastburn::vision::{Bitmap, ImageFolder};

use super::Lesson;

/// The colours, from 0 to 1, of 0, of the largest value and of its negative. 0 is not white, so
/// that the border of a map is seen.
const ZERO: [f32; 3] = [0.93, 0.93, 0.93];
const POSITIVE: [f32; 3] = [0.85, 0.35, 0.0];
const NEGATIVE: [f32; 3] = [0.0, 0.35, 0.7];

/// Draws a map `[height, width]`, or a tensor of more axes that holds only one. 0 is grey, `most`
/// and more is orange, `-most` and less is blue.
pub fn map<const D: usize>(tensor: &Tensor<D>, most: f32) -> Result<Bitmap> {
    let dims = tensor.dims();
    let values = values(tensor)?;
    let channel = |index: usize| {
        values.iter().map(move |value| {
            let colour = if *value < 0.0 { NEGATIVE } else { POSITIVE };
            ZERO[index] + (value.abs() / most).min(1.0) * (colour[index] - ZERO[index])
        })
    };
    let pixels: Vec<f32> = (0..3).flat_map(channel).collect();
    Ok(Bitmap::new(&pixels, [3, dims[D - 2], dims[D - 1]])?)
}

/// Saves pictures with their titles, in rows of `columns`.
pub fn save_grid(
    lesson: &Lesson,
    name: &str,
    pictures: &[(Bitmap, String)],
    columns: usize,
) -> Result<()> {
    let titled: Vec<_> =
        pictures.iter().map(|(picture, title)| (picture, title.as_str())).collect();
    lesson.save(name, &image_grid(&titled, columns)?)
}

/// Returns the largest absolute difference of two tensors of the same shape. It is NaN if one of
/// the differences is.
pub fn difference<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> Result<f32> {
    let differences = values(&(a.clone() - b.clone()))?;
    // `f32::max` would ignore NaN.
    let larger = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) };
    Ok(differences.into_iter().map(f32::abs).fold(0.0, larger))
}

pub fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.clone().try_into_vec_as::<f32>().context("read a tensor")
}

/// Returns the side of the square that the pixels other than 0 fill, if they fill one.
pub fn side_of_square(image: &Tensor<4>) -> Result<Option<usize>> {
    let width = image.dims()[3];
    let pixels = values(image)?;
    let seen: Vec<usize> = (0..pixels.len()).filter(|&index| pixels[index] != 0.0).collect();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return Ok(None) };
    let height = last / width - first / width + 1;
    let columns = first % width..=last % width;
    let inside = seen.iter().all(|index| columns.contains(&(index % width)));
    // As many pixels as a square of this height has, in as many columns.
    let full = inside && seen.len() == height * height && columns.count() == height;
    Ok(full.then_some(height))
}

/// Returns images as `[images, 1, height, width]`, from 0 (black) to 1 (white).
pub fn stack(
    folder: &ImageFolder,
    indices: impl IntoIterator<Item = usize>,
    device: &Device,
) -> Result<Tensor<4>> {
    let images = indices.into_iter().map(|index| {
        let item = folder.get(index)?;
        let pixels: Vec<f32> = item.pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
        Ok(Tensor::from_data(TensorData::new(pixels, item.shape), device))
    });
    Ok(Tensor::stack::<4>(images.collect::<Result<Vec<Tensor<3>>>>()?, 0))
}
