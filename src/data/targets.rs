//! Class labels as the targets of a loss: functions of `(labels, number of classes, device)`.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Class indices, `[batch]`: what [`cross_entropy`](crate::loss::cross_entropy) takes.
///
/// ```
/// let device = fastburn::device::cpu()?;
/// let targets = fastburn::data::class_indices(&[2, 0], 3, &device);
/// assert_eq!(targets.dims(), [2]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn class_indices(labels: &[u32], _classes: usize, device: &Device) -> Tensor<1, Int> {
    let indices: Vec<i32> = labels.iter().map(|&label| label.cast_signed()).collect();
    Tensor::from_data(TensorData::new(indices, [labels.len()]), device)
}

/// One-hot rows, `[batch, classes]`: 1 in the label's column, 0 elsewhere.
///
/// ```
/// let device = fastburn::device::cpu()?;
/// let targets = fastburn::data::one_hot(&[2, 0], 3, &device);
/// assert_eq!(targets.try_into_vec_as::<f32>().unwrap(), [0., 0., 1., 1., 0., 0.]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Panics
///
/// If a label is not below `classes`.
pub fn one_hot(labels: &[u32], classes: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0.0_f32; labels.len() * classes];
    for (row, &label) in rows.chunks_exact_mut(classes).zip(labels) {
        row[label as usize] = 1.0;
    }
    Tensor::from_data(TensorData::new(rows, [labels.len(), classes]), device)
}

/// Whether an image is of class 1, `[batch, 1]`: 1 for class 1, 0 for the others.
///
/// ```
/// let device = fastburn::device::cpu()?;
/// let targets = fastburn::data::is_class_one(&[1, 0], 2, &device);
/// assert_eq!(targets.try_into_vec_as::<f32>().unwrap(), [1., 0.]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn is_class_one(labels: &[u32], _classes: usize, device: &Device) -> Tensor<2> {
    let flags: Vec<f32> = labels.iter().map(|&label| f32::from(label == 1)).collect();
    Tensor::from_data(TensorData::new(flags, [labels.len(), 1]), device)
}
