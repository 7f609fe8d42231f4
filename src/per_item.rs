//! Batches whose items can be put in another order, and mixed.

use burn::tensor::kind::{Autodiff, Float};
use burn::tensor::{Int, Tensor, TensorData};

/// Values with one row for each item of a batch, `[batch, …]`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::data::PerItem;
///
/// let device = fastburn::device::cpu()?;
/// let targets = Tensor::<1, Int>::from_data([7, 8, 9], &device);
/// assert_eq!(targets.in_order(&[2, 0, 1]).try_into_vec_as::<i32>().unwrap(), [9, 7, 8]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait PerItem: Clone {
    /// Returns the rows of these items.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    fn in_order(&self, items: &[usize]) -> Self;
}

/// Inputs that can be mixed, item by item, such as images.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::data::Mixable;
///
/// let device = fastburn::device::cpu()?;
/// let inputs = Tensor::<2>::from_data([[0.0, 4.0], [8.0, 0.0]], &device);
/// let mixed = inputs.mixed(&inputs.clone().flip([0]), &[0.75, 1.0]);
/// assert_eq!(mixed.try_into_vec_as::<f32>().unwrap(), [2.0, 3.0, 8.0, 0.0]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait Mixable: PerItem {
    /// Returns each item times its share, plus its partner times the rest.
    ///
    /// # Panics
    ///
    /// If the number of shares or partners is not that of the items.
    fn mixed(&self, partners: &Self, shares: &[f32]) -> Self;
}

impl<const D: usize, K: Autodiff> PerItem for Tensor<D, K> {
    fn in_order(&self, items: &[usize]) -> Self {
        let rows: Vec<i32> = items.iter().map(|&item| item as i32).collect();
        let rows = TensorData::new(rows, [items.len()]);
        self.clone().select(0, Tensor::<1, Int>::from_data(rows, &self.device().inner()))
    }
}

impl<const D: usize> Mixable for Tensor<D, Float> {
    fn mixed(&self, partners: &Self, shares: &[f32]) -> Self {
        let mut shape = [1; D];
        shape[0] = shares.len();
        let shares = TensorData::new(shares.to_vec(), shape);
        let shares = Tensor::<D>::from_data(shares, &self.device());
        partners.clone() + (self.clone() - partners.clone()) * shares
    }
}
