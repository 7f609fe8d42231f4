//! The trait of loss functions, and the conversion of a model's outputs to probabilities.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// A loss function: computes a number to minimise from a batch's outputs and targets.
///
/// [`from_fn`](super::from_fn) makes a loss of a function. A loss with settings is a type that
/// implements this trait, as the built-in ones do:
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::prelude::*;
/// use fastburn::serde_json::{Value, json};
/// # use fastburn::data::TensorSource;
///
/// /// Squared error up to `delta`, absolute error beyond (Huber 1964).
/// struct Huber {
///     delta: f64,
/// }
///
/// impl Loss<Tensor<2>, Tensor<2>> for Huber {
///     fn compute(&self, outputs: Tensor<2>, targets: Tensor<2>) -> Result<Tensor<1>> {
///         let error = (outputs - targets).abs();
///         let square = error.clone().clamp_max(self.delta);
///         Ok((square.clone() * (error - square * 0.5)).mean())
///     }
///
///     fn name(&self) -> &str {
///         "huber"
///     }
///
///     fn config(&self) -> Value {
///         json!({ "delta": self.delta })
///     }
/// }
///
/// let device = device::cpu()?;
/// # let x = Tensor::<1>::from_data([-1.0, -0.5, 0.5, 1.0], &device).reshape([4, 1]);
/// # let data = TensorSource::new(x.clone(), x * 3.0 + 1.0)?;
/// # let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4)?;
/// let model = LinearConfig::new(1, 1).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, Huber { delta: 1.0 });
/// learn.fit(1, 0.1)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss of outputs `{O}` and targets `{T}`",
    label = "not a loss of these outputs and targets",
    note = "pass a type such as `CrossEntropy::new()`, `MnistLoss` or `Mse`, or \
            `fastburn::loss::from_fn(\"name\", function)` for a function"
)]
pub trait Loss<O, T>: Send {
    /// Returns the mean loss of a batch, `[1]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if the shapes of outputs and targets do not match.
    fn compute(&self, outputs: O, targets: T) -> Result<Tensor<1>>;

    /// Returns the mean loss of mixed items, `[1]`: for each item, `share · loss(target) + (1 - share) ·
    /// loss(partner's target)`. `shares` has one number from 0 to 1 for each item, as for
    /// [`MixUp`](crate::callbacks::MixUp).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`](crate::Error::Usage) if the loss cannot be mixed item by item, as by
    /// default; the same as for [`compute`](Self::compute).
    fn compute_mixed(
        &self,
        outputs: O,
        targets: T,
        partners: T,
        shares: &[f32],
    ) -> Result<Tensor<1>> {
        let _ = (outputs, targets, partners, shares);
        let problem = format!("the loss {} cannot be mixed item by item", self.name());
        Err(Error::usage(problem).with_remedy("implement `Loss::compute_mixed` for it".into()))
    }

    /// Returns the divisor of a batch's mean, `[1]`, if it is not the number of items: the sum of
    /// the items' weights for a loss with weights.
    ///
    /// It weights the batch in the validation loss, which is the mean over all items and does not
    /// depend on the batch size.
    ///
    /// # Errors
    ///
    /// The same as for [`compute`](Self::compute).
    fn batch_weight(&self, outputs: &O, targets: &T) -> Result<Option<Tensor<1>>> {
        let _ = (outputs, targets);
        Ok(None)
    }

    /// Checks that outputs and targets suit each other, for data with that many classes. A learner
    /// calls it before each [`compute`](Self::compute), so it should read values only if something
    /// looks wrong. The default accepts any.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) if they do not suit each other.
    fn check_classes(&self, outputs: &O, targets: &T, classes: usize) -> Result<()> {
        let _ = (outputs, targets, classes);
        Ok(())
    }

    /// Returns the loss's name in summaries, model files and checkpoints.
    fn name(&self) -> &str;

    /// Returns the loss's settings, `Null` for none. A run is resumed only with a loss of the same
    /// name and settings.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Returns how outputs trained with this loss become probabilities, if they do: fastai's
    /// `activation` of a loss.
    fn outputs(&self) -> Option<Outputs> {
        None
    }
}

/// The conversion of a model's outputs to probabilities, which the loss of its training implies:
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
    /// Mutually exclusive classes: `softmax(outputs)`, for cross-entropy.
    Softmax,
    /// Independent classes: `sigmoid(output)`, for `mnist_loss`.
    Sigmoid,
    /// The values of a regression: no classes, and no probabilities.
    Values,
}

impl Outputs {
    /// Returns the name, as in model files, of the loss that these outputs imply; of values none.
    pub fn loss_name(self) -> Option<&'static str> {
        match self {
            Self::Softmax => Some("cross-entropy"),
            Self::Sigmoid => Some("mnist"),
            Self::Values => None,
        }
    }

    /// Returns the probability of each class, from one item's outputs; of values none.
    pub fn probabilities(self, outputs: &[f32], classes: usize) -> Vec<f32> {
        let sigmoid = |output: f32| 1.0 / (1.0 + (-output).exp());
        match (self, outputs) {
            (Self::Softmax, _) => {
                // Differences to the largest output do not overflow `exp`.
                let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f32> = outputs.iter().map(|o| (o - largest).exp()).collect();
                let sum: f32 = powers.iter().sum();
                powers.into_iter().map(|power| power / sum).collect()
            }
            (Self::Sigmoid, &[output]) if classes == 2 => vec![sigmoid(-output), sigmoid(output)],
            (Self::Sigmoid, _) => outputs.iter().copied().map(sigmoid).collect(),
            (Self::Values, _) => Vec::new(),
        }
    }

    /// Returns outputs that become these probabilities of the classes.
    pub(crate) fn of_probabilities(self, probabilities: &[f32]) -> Vec<f32> {
        let output = |&p: &f32| match self {
            // A probability that is too small for a number has a large loss, not an infinite one.
            Self::Softmax => p.max(f32::MIN_POSITIVE).ln(),
            Self::Sigmoid => p.max(f32::MIN_POSITIVE).ln() - (1.0 - p).max(f32::MIN_POSITIVE).ln(),
            Self::Values => p,
        };
        probabilities.iter().map(output).collect()
    }

    /// Returns what test-time augmentation predicts, from the prediction for the plain item and the
    /// sum of those for `passes` augmented ones: fastai's `tta` with its default `beta`.
    pub(crate) fn with_augmented(plain: &[f32], sum: &[f32], passes: usize) -> Vec<f32> {
        /// The weight of the plain item.
        const PLAIN: f32 = 0.25;
        let mixed =
            |(plain, sum): (&f32, &f32)| PLAIN * plain + (1.0 - PLAIN) * sum / passes as f32;
        plain.iter().zip(sum).map(mixed).collect()
    }

    /// Returns the loss of one item of class `actual`, from its outputs:
    /// [`cross_entropy`](super::cross_entropy()) for `Softmax`, [`mnist_loss`](super::mnist_loss)
    /// for `Sigmoid`, NaN for `Values`, which have no classes.
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
    /// With `Softmax`, if `actual` is not below the number of outputs.
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
            Self::Values => f32::NAN,
        }
    }

    /// Returns whether the number of outputs suits the number of classes or values: one each, or a
    /// single sigmoid output for the second of two classes.
    pub(crate) fn fit(self, outputs: usize, classes: usize) -> bool {
        outputs == classes || (self, outputs, classes) == (Self::Sigmoid, 1, 2)
    }
}
