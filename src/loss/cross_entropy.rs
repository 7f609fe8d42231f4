//! Cross-entropy, with label smoothing and class weights.

use burn::tensor::{Bool, Int, Tensor, TensorData, activation};
use fastburn_kernels::soft_cross_entropy;
use serde_json::{Value, json};

use super::function::{Loss, Outputs};
use crate::checks;
use crate::checks::same_rows;
use crate::error::{Error, Result};
use crate::per_item::Mixable;

/// Cross-entropy of logits against class indices: `-log softmax(logits)[target]`, averaged.
///
/// `logits` is `[batch, classes]`, `targets` is `[batch]`. PyTorch's `F.cross_entropy`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::loss::cross_entropy;
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::zeros([1, 4], &device);
/// let targets = Tensor::<1, Int>::from_data([2], &device);
/// let loss = cross_entropy(logits, targets)?.into_scalar::<f32>();
/// assert!((loss - 4_f32.ln()).abs() < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the numbers of rows differ.
///
/// # Panics
///
/// On the CPU, if a target is not below the number of classes. A GPU does not check this.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>> {
    let [rows, _] = logits.dims();
    same_rows("cross_entropy", rows, targets.dims()[0])?;
    Ok(fastburn_kernels::cross_entropy(logits, targets))
}

/// [`cross_entropy`] with label smoothing, class weights, or both: PyTorch's
/// `nn.CrossEntropyLoss(weight=…, label_smoothing=…)`.
///
/// A label smoothing of `ε` spreads `ε` of each target evenly over all classes, so that no logit
/// has to grow without bound: `(1 - ε) · cross_entropy + ε · mean(-log softmax(logits))`. 0.1 is
/// usual (Szegedy et al. 2015, *Rethinking the Inception Architecture*; fastai's
/// `LabelSmoothingCrossEntropy`).
///
/// With one weight per class, such as [`balanced_weights`](crate::data::balanced_weights), each
/// item has the weight of its class: the mean over items is `sum(weight · loss) / sum(weight)`.
/// With both, the smoothing term is weighted per class, and the mean is still over the targets'
/// weights. A learner applies the weights to the validation loss too, as fastai does.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::loss::{CrossEntropy, Loss};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.0, 0.0], [3_f32.ln(), 0.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([0, 1], &device);
/// // Losses of ln 2 and ln 4; the second has weight 3.
/// let weighted = CrossEntropy::new().weights([1.0, 3.0]);
/// let loss = weighted.compute(logits, targets)?.into_scalar::<f32>();
/// assert!((loss - (2_f32.ln() + 3.0 * 4_f32.ln()) / 4.0).abs() < 1e-6);
///
/// let logits = Tensor::<2>::from_data([[2_f32.ln(), 0.0, 0.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([0], &device);
/// // Probabilities of 1/2, 1/4 and 1/4 against 0.8, 0.1 and 0.1.
/// let smoothed = CrossEntropy::new().label_smoothing(0.3);
/// let loss = smoothed.compute(logits, targets)?.into_scalar::<f32>();
/// assert!((loss - 1.2 * 2_f32.ln()).abs() < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// From `compute`: [`Error::Setting`] if the smoothing is not in `[0, 1)`, or a weight is negative,
/// NaN or infinite; [`Error::Shape`] if the number of weights differs from the number of classes,
/// or the number of targets from the number of rows.
///
/// # Panics
///
/// The same as for [`cross_entropy`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CrossEntropy {
    weights: Option<Vec<f64>>,
    smoothing: f64,
}

impl CrossEntropy {
    /// Creates the plain loss, equal to [`cross_entropy`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the label smoothing, in `[0, 1)` (default: 0).
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Sets the weight of each class (default: all equal).
    pub fn weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weights = Some(weights.into());
        self
    }

    fn weighted(
        &self,
        weights: &[f64],
        logits: Tensor<2>,
        targets: Tensor<1, Int>,
    ) -> Result<Tensor<1>> {
        let [rows, classes] = logits.dims();
        let weights = weights_tensor(weights, classes, &logits)?;
        let item_weights = weights.clone().gather(0, targets.clone());
        let log_probabilities = activation::log_softmax(logits, 1);
        let target_log_p = log_probabilities.clone().gather(1, targets.reshape([rows, 1]));
        let own = (target_log_p.reshape([rows]) * item_weights.clone()).sum();
        let shared = (log_probabilities * weights.unsqueeze()).sum();
        let joined = own * (1.0 - self.smoothing) + shared * (self.smoothing / classes as f64);
        let (total, is_zero) = total(item_weights);
        // With smoothing, such a batch has a share of the mean, but it must not move any weight:
        // its gradients would be as large as the tiny divisor is small.
        let joined = joined.clone().mask_where(is_zero, joined.detach());
        Ok(-joined / total)
    }
}

impl Loss<Tensor<2>, Tensor<1, Int>> for CrossEntropy {
    fn compute(&self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>> {
        checks::below_one("label smoothing", self.smoothing)?;
        let [rows, classes] = logits.dims();
        same_rows("cross_entropy", rows, targets.dims()[0])?;
        if let Some(weights) = &self.weights {
            return self.weighted(weights, logits, targets);
        }
        if self.smoothing == 0.0 {
            return cross_entropy(logits, targets);
        }
        let even = logits.clone().inner().full_like(1.0 / classes as f64);
        let even = soft_cross_entropy(logits.clone(), even);
        let own = fastburn_kernels::cross_entropy(logits, targets);
        Ok(own * (1.0 - self.smoothing) + even * self.smoothing)
    }

    fn compute_mixed(
        &self,
        logits: Tensor<2>,
        targets: Tensor<1, Int>,
        partners: Tensor<1, Int>,
        shares: &[f32],
    ) -> Result<Tensor<1>> {
        checks::below_one("label smoothing", self.smoothing)?;
        let [rows, classes] = logits.dims();
        for count in [targets.dims()[0], partners.dims()[0], shares.len()] {
            same_rows("cross_entropy", rows, count)?;
        }
        // Shares of the classes, which have no gradients.
        let [own, partner] = [targets, partners].map(|items| one_hot_rows(items, classes));
        let target = own.mixed(&partner, shares);
        let Some(weights) = &self.weights else {
            let target = target * (1.0 - self.smoothing) + self.smoothing / classes as f64;
            return Ok(soft_cross_entropy(logits, target));
        };
        let weights = weights_tensor(weights, classes, &logits)?.inner().unsqueeze::<2>();
        let weighted = target * weights.clone();
        let (total, is_zero) = total(weighted.clone().sum_dim(1).reshape([rows]));
        let spread = weights * (self.smoothing / classes as f64);
        let target = weighted * (1.0 - self.smoothing) + spread;
        let joined = soft_cross_entropy(logits, target) * rows as f64;
        let joined = joined.clone().mask_where(is_zero, joined.detach());
        Ok(joined / total)
    }

    /// Refuses a target beyond the logits, which a device might read from other memory. Only with
    /// fewer logits than classes are the targets read: they may be of other classes than the
    /// data's.
    fn check_classes(
        &self,
        logits: &Tensor<2>,
        targets: &Tensor<1, Int>,
        classes: usize,
    ) -> Result<()> {
        let [_, found] = logits.dims();
        if found >= classes {
            return Ok(());
        }
        let largest = targets.clone().max().try_into_scalar::<i64>();
        let largest = largest.map_err(|error| Error::compute("check the targets", error))?;
        if largest < found as i64 {
            return Ok(());
        }
        Err(Error::Shape {
            what: "cross_entropy",
            expected: format!("at least {} logits, for a target of {largest}", largest + 1),
            found: found.to_string(),
        })
    }

    /// Returns the sum of the weights of the items' classes.
    fn batch_weight(
        &self,
        logits: &Tensor<2>,
        targets: &Tensor<1, Int>,
    ) -> Result<Option<Tensor<1>>> {
        let Some(weights) = &self.weights else { return Ok(None) };
        let weights = weights_tensor(weights, logits.dims()[1], logits)?;
        Ok(Some(total(weights.gather(0, targets.clone())).0))
    }

    fn name(&self) -> &str {
        match (self.weights.is_some(), self.smoothing > 0.0) {
            (false, false) => "cross-entropy",
            (false, true) => "label-smoothing",
            (true, false) => "weighted-cross-entropy",
            (true, true) => "weighted-label-smoothing",
        }
    }

    fn config(&self) -> Value {
        if *self == Self::new() {
            return Value::Null;
        }
        json!({ "smoothing": self.smoothing, "weights": self.weights })
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::Softmax)
    }
}

/// Returns one-hot rows `[batch, classes]`, without reading the targets.
fn one_hot_rows(targets: Tensor<1, Int>, classes: usize) -> Tensor<2> {
    let [rows] = targets.dims();
    let columns = Tensor::<1, Int>::arange(0..classes as i64, &targets.device());
    let columns = columns.unsqueeze_dim::<2>(0).expand([rows, classes]);
    targets.unsqueeze_dim::<2>(1).expand([rows, classes]).equal(columns).float()
}

/// Returns the sum of the items' weights, `[1]`, and whether it is 0.
///
/// A tiny number replaces 0, so a batch of items with weight 0 has a finite loss, where PyTorch's
/// is NaN. The loss times this sum is the batch's share of the mean over a whole set.
fn total(item_weights: Tensor<1>) -> (Tensor<1>, Tensor<1, Bool>) {
    let sum = item_weights.sum();
    let is_zero = sum.clone().equal_elem(0.0);
    (sum.mask_fill(is_zero.clone(), f32::EPSILON), is_zero)
}

/// Returns the weights of the classes, `[classes]`, on the device of the logits.
fn weights_tensor(weights: &[f64], classes: usize, logits: &Tensor<2>) -> Result<Tensor<1>> {
    weights.iter().try_for_each(|&weight| checks::at_least_zero("class weight", weight))?;
    if classes != weights.len() {
        return Err(Error::Shape {
            what: "class weights",
            expected: format!("{classes}, one for each class"),
            found: weights.len().to_string(),
        });
    }
    let weights = TensorData::from(weights).convert::<f32>();
    Ok(Tensor::from_data(weights, &logits.device()))
}
