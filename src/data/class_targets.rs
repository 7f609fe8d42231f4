//! Targets that say which class each item is of.

use burn::tensor::{Int, Tensor};

/// The targets of a classification: class indices `[batch]`, or one-hot rows `[batch, classes]`;
/// rows of one number, `[batch, 1]`, say whether the item is of class 1.
///
/// [`class_indices`](super::class_indices), [`one_hot`](super::one_hot) and
/// [`is_class_one`](super::is_class_one) make them. No other type can be.
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
    /// The class index of each item, `[batch]`, on the device.
    fn classes(&self) -> Tensor<1, Int>;

    /// The target of one item, as a batch of one.
    ///
    /// # Panics
    ///
    /// If `index` is not below the number of items.
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
    use super::{Int, Tensor};

    pub trait Sealed {}
    impl Sealed for Tensor<1, Int> {}
    impl Sealed for Tensor<2> {}
}
