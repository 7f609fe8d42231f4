//! Class labels as the targets of a loss, and the weights that balance them.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::error::{Error, Result};

/// Returns class indices `[batch]`, the targets of [`cross_entropy`](crate::loss::cross_entropy).
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

/// Returns one-hot rows `[batch, classes]`: 1 in the label's column, 0 elsewhere.
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
/// If a label is `classes` or more.
pub fn one_hot(labels: &[u32], classes: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0.0_f32; labels.len() * classes];
    for (row, &label) in rows.chunks_exact_mut(classes).zip(labels) {
        row[label as usize] = 1.0;
    }
    Tensor::from_data(TensorData::new(rows, [labels.len(), classes]), device)
}

/// Returns binary targets `[batch, 1]`: 1 for class 1, 0 for any other class.
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

/// Classification targets: class indices `[batch]`, one-hot rows `[batch, classes]`, or binary
/// targets `[batch, 1]`, which are 1 for class 1 and 0 for any other class.
///
/// [`class_indices`](super::class_indices), [`one_hot`](super::one_hot) and
/// [`is_class_one`](super::is_class_one) make them. The trait is sealed.
///
/// ```
/// use fastburn::data::{ClassTargets, is_class_one, one_hot};
///
/// let device = fastburn::device::cpu()?;
/// let rows = one_hot(&[2, 0], 3, &device);
/// assert_eq!(rows.classes().try_into_vec_as::<i32>().unwrap(), [2, 0]);
/// assert_eq!(rows.item(1).dims(), [1, 3]);
/// let flags = is_class_one(&[1, 0], 2, &device);
/// assert_eq!(flags.classes().try_into_vec_as::<i32>().unwrap(), [1, 0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait ClassTargets: Clone + sealed::Sealed {
    /// Returns the class index of each item, `[batch]`, on the device of the targets.
    fn classes(&self) -> Tensor<1, Int>;

    /// Returns the target of one item, as a batch of one.
    ///
    /// # Panics
    ///
    /// If `index` is the number of items or more.
    fn item(&self, index: usize) -> Self;
}

impl ClassTargets for Tensor<1, Int> {
    fn classes(&self) -> Tensor<1, Int> {
        self.clone()
    }

    fn item(&self, index: usize) -> Self {
        self.clone().narrow(0, index, 1)
    }
}

impl ClassTargets for Tensor<2> {
    fn classes(&self) -> Tensor<1, Int> {
        let classes = match self.dims() {
            [_, 1] => self.clone().greater_scalar(0.5).int(),
            _ => self.clone().argmax(1),
        };
        classes.flatten(0, 1)
    }

    fn item(&self, index: usize) -> Self {
        self.clone().narrow(0, index, 1)
    }
}

mod sealed {
    use burn::tensor::{Int, Tensor};

    pub trait Sealed {}
    impl Sealed for Tensor<1, Int> {}
    impl Sealed for Tensor<2> {}
}

/// Returns a weight for each class, inversely proportional to its number of items.
///
/// It is `items / (classes · items of the class)`, 1 on average over the items: scikit-learn's
/// `class_weight="balanced"`. For [`CrossEntropy::weights`](crate::loss::CrossEntropy::weights)
/// or, as the weight of each item, for [`DataLoader::weights`](super::DataLoader::weights).
///
/// ```
/// use fastburn::data::balanced_weights;
///
/// assert_eq!(balanced_weights(&[0, 0, 0, 1], 2)?, [2.0 / 3.0, 2.0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`] if a class has no items, so that its weight would be infinite, or if a label
/// is `classes` or more.
pub fn balanced_weights(labels: &[u32], classes: usize) -> Result<Vec<f64>> {
    let mut counts = vec![0_usize; classes];
    for &label in labels {
        let Some(count) = counts.get_mut(label as usize) else {
            let expected = format!("less than {classes}, the number of classes");
            return Err(Error::setting("label", label, expected));
        };
        *count += 1;
    }
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        let expected = format!("at least one of each class, found none of class {class}");
        return Err(Error::setting("number of items", labels.len(), expected));
    }
    let mean = labels.len() as f64 / classes as f64;
    Ok(counts.iter().map(|&count| mean / count as f64).collect())
}
