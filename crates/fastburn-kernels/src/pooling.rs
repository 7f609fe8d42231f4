//! Pooling.

use burn::tensor::Tensor;
use burn::tensor::module::{
    adaptive_avg_pool2d, avg_pool2d as burn_avg_pool2d, max_pool2d as burn_max_pool2d,
};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

#[cfg(feature = "flex")]
use crate::extension::{avg_pool, max_pool, pool_shape};

/// Returns the maximum of each window of images `[batch, channels, height, width]`, as
/// [`burn::tensor::module::max_pool2d`] does. On flex, a window with NaN has NaN, as in PyTorch.
///
/// The kernels compute all windows without dilation or rounding up, whose padding does not differ
/// between two sides.
///
/// ```
/// use burn::tensor::{Device, Tensor, ops::MaxPoolOptions};
/// use fastburn_kernels::max_pool2d;
///
/// let images = Tensor::<4>::from_floats([[[[1.0, 2.0], [4.0, 3.0]]]], &Device::flex());
/// let maxima = max_pool2d(images, MaxPoolOptions::new([2, 2]));
/// assert_eq!(maxima.into_scalar::<f32>(), 4.0);
/// ```
///
/// # Panics
///
/// As Burn's function, if the window does not fit the images.
pub fn max_pool2d(images: Tensor<4>, options: MaxPoolOptions<2>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if options.dilation == [1, 1]
        && !options.ceil_mode
        && let Some(shape) =
            pool_shape(&images, options.kernel_size, options.stride, options.padding)
    {
        return max_pool(images, shape);
    }
    burn_max_pool2d(images, options)
}

/// Returns the mean of each window of images `[batch, channels, height, width]`, as
/// [`burn::tensor::module::avg_pool2d`] does.
///
/// The kernels compute all windows without padding or rounding up.
///
/// ```
/// use burn::tensor::{Device, Tensor, ops::AvgPoolOptions};
/// use fastburn_kernels::avg_pool2d;
///
/// let images = Tensor::<4>::from_floats([[[[1.0, 2.0], [4.0, 3.0]]]], &Device::flex());
/// let means = avg_pool2d(images, AvgPoolOptions::new([2, 2]));
/// assert_eq!(means.into_scalar::<f32>(), 2.5);
/// ```
///
/// # Panics
///
/// As Burn's function, if the window does not fit the images.
pub fn avg_pool2d(images: Tensor<4>, options: AvgPoolOptions<2>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if options.padding == [(0, 0); 2]
        && !options.ceil_mode
        && let Some(shape) =
            pool_shape(&images, options.kernel_size, options.stride, options.padding)
    {
        return avg_pool(images, shape);
    }
    burn_avg_pool2d(images, options)
}

/// Returns the maximum of each channel of images `[batch, channels, height, width]`, as
/// `[batch, channels]`. The gradient of equal maxima goes to the first.
///
/// # Panics
///
/// If the images have no pixels.
pub fn global_max_pool2d(images: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = images.dims();
    #[cfg(feature = "flex")]
    if let Some(shape) = pool_shape(&images, [height, width], [1, 1], [(0, 0); 2]) {
        return max_pool(images, shape).reshape([batch, channels]);
    }
    images.reshape([batch, channels, height * width]).max_dim(2).reshape([batch, channels])
}

/// Returns the mean of each channel of images `[batch, channels, height, width]`, as
/// `[batch, channels]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use fastburn_kernels::{global_avg_pool2d, global_max_pool2d};
///
/// let images = Tensor::<4>::from_floats([[[[1.0, 2.0], [3.0, 6.0]]]], &Device::flex());
/// assert_eq!(global_max_pool2d(images.clone()).into_scalar::<f32>(), 6.0);
/// assert_eq!(global_avg_pool2d(images).into_scalar::<f32>(), 3.0);
/// ```
pub fn global_avg_pool2d(images: Tensor<4>) -> Tensor<2> {
    let [batch, channels, ..] = images.dims();
    #[cfg(feature = "flex")]
    {
        let [.., height, width] = images.dims();
        if let Some(shape) = pool_shape(&images, [height, width], [1, 1], [(0, 0); 2]) {
            return avg_pool(images, shape).reshape([batch, channels]);
        }
    }
    adaptive_avg_pool2d(images, [1, 1]).reshape([batch, channels])
}
