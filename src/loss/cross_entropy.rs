//! Cross-entropy, with label smoothing and class weights.

use burn::tensor::{Int, Tensor, TensorData, activation};

use super::function::{Loss, Outputs};
use crate::checks;
use crate::checks::same_rows;
use crate::error::{Error, Result};

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
/// [`Error::Shape`] if the two do not have the same number of rows.
///
/// # Panics
///
/// On the CPU, if a target is not below the number of classes; a GPU does not check it.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>> {
    let [rows, _] = logits.dims();
    same_rows("cross_entropy", rows, targets.dims()[0])?;
    let log_probabilities = activation::log_softmax(logits, 1);
    let of_target = log_probabilities.gather(1, targets.reshape([rows, 1]));
    Ok(-of_target.mean())
}

/// [`cross_entropy`] with label smoothing and class weights, either or both: PyTorch's
/// `nn.CrossEntropyLoss(weight=…, label_smoothing=…)`.
///
/// With a smoothing of `ε`, each target keeps a part `ε` for all classes alike, so that no logit
/// has to grow without end: `(1 - ε) · cross_entropy + ε · mean(-log softmax(logits))`; 0.1 is usual
/// (Szegedy et al. 2015, *Rethinking the Inception Architecture*; fastai's
/// `LabelSmoothingCrossEntropy`).
///
/// With weights, one for each class, such as [`balanced_weights`](crate::data::balanced_weights),
/// each item counts as much as the weight of its class: the mean over items is
/// `sum(weight · loss) / sum(weight)`. With both, the part that is shared among the classes weighs
/// each of them, and the mean is still over the targets' weights. In a learner the weights hold for
/// the validation loss too, as in fastai.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::loss::{CrossEntropy, Loss};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.0, 0.0], [3_f32.ln(), 0.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([0, 1], &device);
/// // Losses of ln 2 and ln 4, of which the second counts three times.
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
/// Of `compute`: [`Error::Setting`] if the smoothing is not in `[0, 1)`, or a weight is negative,
/// NaN or infinite; [`Error::Shape`] if there are not as many weights as classes, or not as many
/// targets as rows.
///
/// # Panics
///
/// As [`cross_entropy`] does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CrossEntropy {
    weights: Option<Vec<f64>>,
    smoothing: f64,
}

impl CrossEntropy {
    /// Cross-entropy as [`cross_entropy`] computes it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the label smoothing, at least 0 and below 1.
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Sets the weight of each class.
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
        let of_items = weights.clone().gather(0, targets.clone());
        let log_probabilities = activation::log_softmax(logits, 1);
        let of_target = log_probabilities.clone().gather(1, targets.reshape([rows, 1]));
        let own = (of_target.reshape([rows]) * of_items.clone()).sum();
        let shared = (log_probabilities * weights.unsqueeze()).sum();
        let joined = own * (1.0 - self.smoothing) + shared * (self.smoothing / classes as f64);
        Ok(-joined / of_items.sum())
    }
}

impl Loss<Tensor<2>, Tensor<1, Int>> for CrossEntropy {
    fn compute(&self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>> {
        checks::below_one("label smoothing", self.smoothing)?;
        let [rows, _] = logits.dims();
        same_rows("cross_entropy", rows, targets.dims()[0])?;
        if let Some(weights) = &self.weights {
            return self.weighted(weights, logits, targets);
        }
        if self.smoothing == 0.0 {
            return cross_entropy(logits, targets);
        }
        let log_probabilities = activation::log_softmax(logits, 1);
        let of_target = log_probabilities.clone().gather(1, targets.reshape([rows, 1])).mean();
        Ok(-(of_target * (1.0 - self.smoothing) + log_probabilities.mean() * self.smoothing))
    }

    /// The sum of the weights of the items' classes.
    fn batch_weight(
        &self,
        logits: &Tensor<2>,
        targets: &Tensor<1, Int>,
    ) -> Result<Option<Tensor<1>>> {
        let Some(weights) = &self.weights else { return Ok(None) };
        let weights = weights_tensor(weights, logits.dims()[1], logits)?;
        Ok(Some(weights.gather(0, targets.clone()).sum()))
    }

    fn name(&self) -> &'static str {
        match (self.weights.is_some(), self.smoothing > 0.0) {
            (false, false) => "cross-entropy",
            (false, true) => "label-smoothing",
            (true, false) => "weighted-cross-entropy",
            (true, true) => "weighted-label-smoothing",
        }
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::Softmax)
    }
}

/// The weights of the classes, `[classes]`, where the logits are.
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
