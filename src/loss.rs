//! Loss functions: `(predictions, targets)` to one number, of shape `[1]`.
//!
//! Each compares shapes before it computes, since a mismatch would otherwise broadcast into a
//! number that looks like a loss. All average over the batch, as PyTorch's do by default.

use std::any::TypeId;

use burn::tensor::{Int, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::shape::{same_rows, same_shape};

/// How the outputs of a model become probabilities: what the loss that trained it implies, as
/// fastai's `activation` of a loss.
///
/// ```
/// use fastburn::loss::Outputs;
///
/// assert_eq!(Outputs::Softmax.probabilities(&[1.0, 1.0], 2), [0.5, 0.5]);
/// assert_eq!(Outputs::Sigmoid.probabilities(&[0.0, 100.0], 2), [0.5, 1.0]);
/// // One output for two classes is the probability of class 1.
/// assert_eq!(Outputs::Sigmoid.probabilities(&[100.0], 2), [0.0, 1.0]);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outputs {
    /// The classes exclude each other: `softmax(outputs)`, as cross-entropy takes them.
    Softmax,
    /// Each class for itself: `sigmoid(output)`, as `mnist_loss` takes them.
    Sigmoid,
}

impl Outputs {
    /// The loss that these outputs imply, by the name that it has in model files.
    pub fn loss_name(self) -> &'static str {
        match self {
            Self::Softmax => "cross-entropy",
            Self::Sigmoid => "mnist",
        }
    }

    /// The probability of each class, from one item's outputs.
    pub fn probabilities(self, outputs: &[f32], classes: usize) -> Vec<f32> {
        let sigmoid = |output: f32| 1.0 / (1.0 + (-output).exp());
        match (self, outputs) {
            (Self::Softmax, _) => {
                // Of the differences to the largest, none overflows.
                let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f32> = outputs.iter().map(|o| (o - largest).exp()).collect();
                let sum: f32 = powers.iter().sum();
                powers.into_iter().map(|power| power / sum).collect()
            }
            (Self::Sigmoid, &[output]) if classes == 2 => vec![sigmoid(-output), sigmoid(output)],
            (Self::Sigmoid, _) => outputs.iter().copied().map(sigmoid).collect(),
        }
    }

    /// The loss of one item of class `actual`, from its outputs: [`cross_entropy`] or
    /// [`mnist_loss`], as the probabilities are `softmax` or `sigmoid` of the outputs.
    ///
    /// ```
    /// use fastburn::loss::Outputs;
    ///
    /// assert_eq!(Outputs::Softmax.loss(&[0.0, 0.0], 1, 2), 2_f32.ln());
    /// assert_eq!(Outputs::Softmax.loss(&[0.0, 1000.0], 0, 2), 1000.0);
    /// assert_eq!(Outputs::Sigmoid.loss(&[100.0, 0.0], 0, 2), 0.25);
    /// assert_eq!(Outputs::Sigmoid.loss(&[0.0], 1, 2), 0.5);
    /// ```
    ///
    /// # Panics
    ///
    /// If `actual` is not below the number of outputs, where the classes exclude each other.
    pub fn loss(self, outputs: &[f32], actual: usize, classes: usize) -> f32 {
        match self {
            Self::Softmax => {
                let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = outputs.iter().map(|output| (output - largest).exp()).sum();
                sum.ln() - (outputs[actual] - largest)
            }
            Self::Sigmoid => {
                let probabilities = self.probabilities(outputs, classes);
                let distances = probabilities.iter().enumerate().map(|(class, p)| {
                    let target = if class == actual { 1.0 } else { 0.0 };
                    (target - p).abs()
                });
                distances.sum::<f32>() / probabilities.len() as f32
            }
        }
    }

    /// Whether that many outputs tell that many classes apart: one a class, or a single one that
    /// says of two classes whether it is the second.
    pub(crate) fn fit(self, outputs: usize, classes: usize) -> bool {
        outputs == classes || (self, outputs, classes) == (Self::Sigmoid, 1, 2)
    }
}

/// The name of one of this module's losses for classes, and what it takes outputs for; `None` for
/// any other function.
pub(crate) fn of_classes<F: 'static>(_: &F) -> Option<(&'static str, Outputs)> {
    fn id<F: 'static>(_: F) -> TypeId {
        TypeId::of::<F>()
    }
    let given = TypeId::of::<F>();
    if given == id(cross_entropy) {
        Some(("cross-entropy", Outputs::Softmax))
    } else if given == id(label_smoothing(0.0)) {
        Some(("label-smoothing", Outputs::Softmax))
    } else if given == id(weighted_cross_entropy(Vec::new())) {
        Some(("weighted-cross-entropy", Outputs::Softmax))
    } else if given == id(weighted_label_smoothing(Vec::new(), 0.0)) {
        Some(("weighted-label-smoothing", Outputs::Softmax))
    } else if given == id(mnist_loss) {
        Some(("mnist", Outputs::Sigmoid))
    } else {
        None
    }
}

/// The tutorials' `mnist_loss`: how far `sigmoid(prediction)` is from a target of 0 or 1.
///
/// `mean(where(target == 1, 1 - sigmoid(prediction), sigmoid(prediction)))`, from chapter 4 of
/// Howard and Gugger's *Deep Learning for Coders*. Both tensors are `[batch, 1]`, or
/// `[batch, classes]` with one-hot targets.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::mnist_loss;
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<2>::from_data([[0.0], [0.0]], &device);
/// let targets = Tensor::<2>::from_data([[1.0], [0.0]], &device);
/// assert_eq!(mnist_loss(predictions, targets)?.into_scalar::<f32>(), 0.5);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the shapes differ.
pub fn mnist_loss(predictions: Tensor<2>, targets: Tensor<2>) -> Result<Tensor<1>> {
    same_shape("mnist_loss", &predictions, &targets)?;
    let p = activation::sigmoid(predictions);
    // With targets of 0 and 1, |target - p| is 1 - p or p: one subtraction instead of a mask.
    Ok((targets - p).abs().mean())
}

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

/// Cross-entropy against targets that keep a part `epsilon` for all classes alike, so that no logit
/// has to grow without end: `(1 - epsilon) · cross_entropy + epsilon · mean(-log softmax(logits))`.
///
/// Gives a loss of logits `[batch, classes]` and class indices `[batch]`; 0.1 is usual. From
/// Szegedy et al. 2015, *Rethinking the Inception Architecture*; fastai's
/// `LabelSmoothingCrossEntropy`, PyTorch's `F.cross_entropy(label_smoothing=epsilon)`.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::loss::label_smoothing;
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[2_f32.ln(), 0.0, 0.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([0], &device);
/// // Probabilities of 1/2, 1/4 and 1/4 against 0.8, 0.1 and 0.1.
/// let loss = label_smoothing(0.3)(logits, targets)?.into_scalar::<f32>();
/// assert!((loss - 1.2 * 2_f32.ln()).abs() < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// Of the loss: [`Error::Setting`] if `epsilon` is not in `[0, 1)`, and [`Error::Shape`] if the two
/// do not have the same number of rows.
///
/// # Panics
///
/// As [`cross_entropy`] does.
pub fn label_smoothing(
    epsilon: f64,
) -> impl Fn(Tensor<2>, Tensor<1, Int>) -> Result<Tensor<1>> + Clone + 'static {
    move |logits, targets| {
        check_epsilon(epsilon)?;
        let [rows, _] = logits.dims();
        same_rows("label_smoothing", rows, targets.dims()[0])?;
        let log_probabilities = activation::log_softmax(logits, 1);
        let of_target = log_probabilities.clone().gather(1, targets.reshape([rows, 1])).mean();
        Ok(-(of_target * (1.0 - epsilon) + log_probabilities.mean() * epsilon))
    }
}

/// Cross-entropy in which each item counts as much as the weight of its class says: the mean is
/// `sum(weight · loss) / sum(weight)` of a batch.
///
/// `weights` has one of each class, such as [`balanced_weights`](crate::data::balanced_weights).
/// Gives a loss of logits `[batch, classes]` and class indices `[batch]`; PyTorch's
/// `nn.CrossEntropyLoss(weight=weights)`. In a learner it is the validation loss too, as in fastai.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::loss::weighted_cross_entropy;
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[0.0, 0.0], [3_f32.ln(), 0.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([0, 1], &device);
/// // Losses of ln 2 and ln 4, of which the second counts three times.
/// let loss = weighted_cross_entropy(vec![1.0, 3.0])(logits, targets)?.into_scalar::<f32>();
/// assert!((loss - (2_f32.ln() + 3.0 * 4_f32.ln()) / 4.0).abs() < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// Of the loss: [`Error::Setting`] if a weight is negative or no finite number; [`Error::Shape`] if
/// there are not as many weights as classes, or not as many targets as rows.
///
/// # Panics
///
/// As [`cross_entropy`] does.
pub fn weighted_cross_entropy(
    weights: Vec<f64>,
) -> impl Fn(Tensor<2>, Tensor<1, Int>) -> Result<Tensor<1>> + Clone + 'static {
    let loss = weighted_label_smoothing(weights, 0.0);
    move |logits, targets| loss(logits, targets)
}

/// [`weighted_cross_entropy`] with [`label_smoothing`], as PyTorch's
/// `nn.CrossEntropyLoss(weight=weights, label_smoothing=epsilon)` joins them: the part that is
/// shared among the classes weighs each of them, and the mean is still over the targets' weights.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::loss::{label_smoothing, weighted_label_smoothing};
///
/// let device = fastburn::device::cpu()?;
/// let logits = Tensor::<2>::from_data([[2.0, 0.0], [-1.0, 0.5]], &device);
/// let targets = Tensor::<1, Int>::from_data([0, 1], &device);
/// let alike = weighted_label_smoothing(vec![7.0, 7.0], 0.1)(logits.clone(), targets.clone())?;
/// let plain = label_smoothing(0.1)(logits, targets)?;
/// assert!((alike - plain).into_scalar::<f32>().abs() < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// As those of [`weighted_cross_entropy`] and [`label_smoothing`].
///
/// # Panics
///
/// As [`cross_entropy`] does.
pub fn weighted_label_smoothing(
    weights: Vec<f64>,
    epsilon: f64,
) -> impl Fn(Tensor<2>, Tensor<1, Int>) -> Result<Tensor<1>> + Clone + 'static {
    move |logits, targets| {
        let what = "weighted_cross_entropy";
        if let Some(weight) = weights.iter().find(|&&w| !(w.is_finite() && w >= 0.0)) {
            let expected = "it must be a finite number of at least 0";
            return Err(Error::setting("the weight of a class", weight, expected));
        }
        check_epsilon(epsilon)?;
        let [rows, classes] = logits.dims();
        same_rows(what, rows, targets.dims()[0])?;
        if classes != weights.len() {
            let (expected, found) = (format!("{classes} weights"), weights.len().to_string());
            return Err(Error::Shape { what, expected, found });
        }
        let weights = TensorData::from(weights.as_slice()).convert::<f32>();
        let weights = Tensor::<1>::from_data(weights, &logits.device());
        let of_items = weights.clone().gather(0, targets.clone());
        let log_probabilities = activation::log_softmax(logits, 1);
        let of_target = log_probabilities.clone().gather(1, targets.reshape([rows, 1]));
        let own = (of_target.reshape([rows]) * of_items.clone()).sum();
        let shared = (log_probabilities * weights.unsqueeze()).sum();
        let joined = own * (1.0 - epsilon) + shared * (epsilon / classes as f64);
        Ok(-joined / of_items.sum())
    }
}

fn check_epsilon(epsilon: f64) -> Result<()> {
    match (0.0..1.0).contains(&epsilon) {
        true => Ok(()),
        false => {
            let expected = "it must be at least 0 and below 1, such as 0.1";
            Err(Error::setting("label_smoothing's epsilon", epsilon, expected))
        }
    }
}

/// Mean squared error, `mean((prediction - target)²)`, of two tensors of one shape.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::mse;
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<1>::from_data([1.0, 2.0], &device);
/// let targets = Tensor::<1>::from_data([3.0, 2.0], &device);
/// assert_eq!(mse(predictions, targets)?.into_scalar::<f32>(), 2.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the shapes differ.
pub fn mse<const D: usize>(predictions: Tensor<D>, targets: Tensor<D>) -> Result<Tensor<1>> {
    same_shape("mse", &predictions, &targets)?;
    let difference = predictions - targets;
    Ok((difference.clone() * difference).mean())
}

/// Mean absolute error, `mean(|prediction - target|)`, of two tensors of one shape.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::loss::l1;
///
/// let device = fastburn::device::cpu()?;
/// let predictions = Tensor::<1>::from_data([1.0, 2.0], &device);
/// let targets = Tensor::<1>::from_data([3.0, 2.0], &device);
/// assert_eq!(l1(predictions, targets)?.into_scalar::<f32>(), 1.0);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the shapes differ.
pub fn l1<const D: usize>(predictions: Tensor<D>, targets: Tensor<D>) -> Result<Tensor<1>> {
    same_shape("l1", &predictions, &targets)?;
    Ok((predictions - targets).abs().mean())
}
