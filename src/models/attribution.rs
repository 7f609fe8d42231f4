//! Attribution: which parts of an input a model's output depends on.
//!
//! Both methods differentiate a model in evaluation mode: with the running statistics of its batch
//! norms, and without dropout. Its weights are constants, so only what comes after the
//! differentiated tensor is recorded.

use burn::tensor::{Tensor, activation::relu};

use super::model::Model;
use crate::checks::one_number;
use crate::error::{Error, Result};

/// Returns where in images `[batch, channels, height, width]` a convolutional model finds what
/// raises its score: Grad-CAM (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>), a heat
/// `[batch, rows, columns]` of at least 0. `None` if the model has no feature maps.
///
/// `score` computes one number, `[1]`, from the outputs: the output of a class before softmax, or a
/// difference of two classes. For a batch it is the sum of the images' scores. The weight of a
/// feature map is the mean gradient of the score with respect to it; the heat is the weighted sum
/// of the maps where it is positive.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::models::{ConvNetConfig, grad_cam};
///
/// let device = fastburn::device::cpu()?;
/// let model = ConvNetConfig::new(1, [4, 8], 10).init(&device, 42)?;
/// let image = Tensor::ones([1, 1, 28, 28], &device);
/// let heat = grad_cam(&model, image, |outputs| outputs.narrow(1, 7, 1).sum())?;
/// assert_eq!(heat.unwrap().dims(), [1, 14, 14]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the score is not one number, [`Error::Compute`] if it does not depend on the
/// feature maps.
///
/// # Panics
///
/// If the model does, such as for images of another number of channels.
pub fn grad_cam<M: Model<Tensor<4>>>(
    model: &M,
    images: Tensor<4>,
    score: impl FnOnce(M::Output) -> Tensor<1>,
) -> Result<Option<Tensor<3>>> {
    let mut last_maps = None;
    let outputs = model.valid().forward_with_maps(images.inner(), &mut |maps| {
        let maps = maps.inner().autodiff().require_grad();
        last_maps = Some(maps.clone());
        maps
    });
    let Some(maps) = last_maps else { return Ok(None) };
    let weights = gradient(&maps, score(outputs))?.mean_dims(&[2, 3]);
    let heat = relu((maps.inner() * weights).sum_dim(1));
    Ok(Some(heat.squeeze_dim(1)))
}

/// Returns the gradient of a model's score with respect to its inputs `[batch, …]`, in the same
/// shape. `score` is as for [`grad_cam`].
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::models::{LinearConfig, input_gradient};
///
/// let device = fastburn::device::cpu()?;
/// let model = LinearConfig::new(3, 2).init(&device, 42)?;
/// let gradient = input_gradient(&model, Tensor::<2>::ones([1, 3], &device), |outputs| {
///     outputs.narrow(1, 1, 1).sum()
/// })?;
/// // The gradient of a linear model is its weights.
/// let weights = model.layer.weight.val().narrow(1, 1, 1).transpose();
/// assert!((gradient - weights).abs().max().into_scalar::<f32>() < 1e-6);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`] if the score is not one number, [`Error::Compute`] if it does not depend on the
/// inputs.
///
/// # Panics
///
/// If the model does, such as for inputs of another width.
pub fn input_gradient<const D: usize, M: Model<Tensor<D>>>(
    model: &M,
    inputs: Tensor<D>,
    score: impl FnOnce(M::Output) -> Tensor<1>,
) -> Result<Tensor<D>> {
    let inputs = inputs.inner().autodiff().require_grad();
    let outputs = model.valid().forward(inputs.clone());
    gradient(&inputs, score(outputs))
}

/// Returns how much each pixel of images `[batch, channels, height, width]` changes a model's score
/// (Simonyan et al. 2013, <https://arxiv.org/abs/1312.6034>): the largest absolute gradient of its
/// channels, `[batch, height, width]`. `score` is as for [`grad_cam`].
///
/// It works for any model, but a single pixel matters little to most: the result is noisier than
/// that of [`grad_cam`].
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::models::{MlpConfig, saliency};
///
/// let device = fastburn::device::cpu()?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let image = Tensor::ones([1, 1, 28, 28], &device);
/// let heat = saliency(&model, image, |outputs| outputs.narrow(1, 7, 1).sum())?;
/// assert_eq!(heat.dims(), [1, 28, 28]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`input_gradient`].
///
/// # Panics
///
/// If the model does, such as for images of another number of channels.
pub fn saliency<M: Model<Tensor<4>>>(
    model: &M,
    images: Tensor<4>,
    score: impl FnOnce(M::Output) -> Tensor<1>,
) -> Result<Tensor<3>> {
    let gradient = input_gradient(model, images, score)?;
    Ok(gradient.abs().max_dim(1).squeeze_dim(1))
}

/// Returns the gradient of a score with respect to a tensor that requires it.
fn gradient<const D: usize>(tensor: &Tensor<D>, score: Tensor<1>) -> Result<Tensor<D>> {
    one_number("the score of a model's outputs", &score)?;
    // Burn's `backward` panics on a tensor that depends on none with a gradient.
    let gradients = score.is_tracked().then(|| score.backward());
    gradients.and_then(|gradients| tensor.grad(&gradients)).ok_or_else(|| {
        let reason = "the score does not depend on the differentiated tensor";
        Error::compute("differentiate a model's score", reason)
    })
}
