//! Weights that make rare classes count as much as frequent ones.

use crate::error::{Error, Result};

/// A weight for each class: inversely to how many items it has, 1 on the average of the items.
///
/// `items / (classes · items of the class)`, scikit-learn's `class_weight="balanced"`. For
/// [`weighted_cross_entropy`](crate::loss::weighted_cross_entropy); and, as the weight of each item,
/// for [`DataLoader::weights`](super::DataLoader::weights).
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
/// [`Error::Setting`] if a class has no item, whose weight would be endless, or a label is not
/// below `classes`.
pub fn balanced_weights(labels: &[u32], classes: usize) -> Result<Vec<f64>> {
    let mut counts = vec![0_usize; classes];
    for &label in labels {
        let Some(count) = counts.get_mut(label as usize) else {
            let expected = format!("it must be below {classes}, the number of classes");
            return Err(Error::setting("a label", label, expected));
        };
        *count += 1;
    }
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        let expected = format!("class {class} has none, and every class needs one to be weighed");
        return Err(Error::setting("the number of items", labels.len(), expected));
    }
    let even = labels.len() as f64 / classes as f64;
    Ok(counts.iter().map(|&count| even / count as f64).collect())
}
