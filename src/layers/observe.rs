//! Observation of layer outputs.
//!
//! Burn's modules have no hooks. Instead, a model reports the output of each layer, at negligible
//! cost while there is no listener.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::Tensor;

type Listener = Rc<RefCell<dyn FnMut(&Observation<'_>)>>;

/// The id of the next listener of any thread.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static LISTENERS: RefCell<Vec<(u64, Listener)>> = const { RefCell::new(Vec::new()) };
    /// The parts of the model that the forward pass is currently in, outermost first.
    static PARTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Reports a layer's output to the functions that [`listen`] on this thread.
///
/// Without a listener it does nothing. `layer` is the layer's path in the model, as in Burn's
/// parameter visitors: field names, and indices in a `Vec`, joined by dots. fastburn's models
/// report each of their layers. A custom model calls this once per layer, and [`observe_part`]
/// around each part that reports its own layers:
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Tensor, activation::relu};
/// use fastburn::layers::{listen, observe, observe_part};
/// use fastburn::models::{Mlp, MlpConfig, Model};
///
/// #[derive(Module, Debug)]
/// struct Two {
///     hidden: Linear,
///     rest: Mlp,
/// }
///
/// impl Model<Tensor<2>> for Two {
///     type Output = Tensor<2>;
///
///     fn forward(&self, input: Tensor<2>) -> Tensor<2> {
///         let x = relu(self.hidden.forward(input));
///         observe("hidden", &x);
///         observe_part("rest", || self.rest.forward(x))
///     }
/// }
///
/// let device = fastburn::device::cpu()?;
/// let hidden = LinearConfig::new(3, 5).init(&device);
/// let model = Two { hidden, rest: MlpConfig::new([5, 4, 2]).init(&device, 42)? };
///
/// let listening = listen(|seen| println!("{} {:?}", seen.layer, seen.shape));
/// model.forward(Tensor::zeros([7, 3], &device));
/// // hidden [7, 5]
/// // rest.layers.0 [7, 4]
/// // rest.layers.1 [7, 2]
/// drop(listening);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// Pass a formatted name as `format_args!("layers.{index}")`: it is then formatted only if there is
/// a listener.
pub fn observe<const D: usize>(layer: impl Display, activation: &Tensor<D>) {
    if is_observed() {
        report(&layer, activation);
    }
}

/// Runs the forward pass of a part of a model and prefixes the names of its layers with `part`.
///
/// [`observe`] shows an example.
pub fn observe_part<R>(part: &str, forward: impl FnOnce() -> R) -> R {
    if !is_observed() {
        return forward();
    }
    let _guard = PartGuard::enter(part);
    forward()
}

/// Calls `listener` with each layer's output on this thread, until the returned value is dropped.
///
/// It takes the place of PyTorch's `register_forward_hook`. There may be several listeners. If a
/// listener itself runs a model, only the others are called for it. While a function listens, layers
/// that are otherwise computed as one operation are computed one by one, so outputs may differ by
/// rounding.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// use burn::tensor::Tensor;
/// use fastburn::layers::listen;
/// use fastburn::models::{MlpConfig, Model};
///
/// let device = fastburn::device::cpu()?;
/// let model = MlpConfig::new([3, 5, 2]).init(&device, 42)?;
///
/// // The features before the last layer, as the inputs of another model.
/// let features = Rc::new(RefCell::new(None));
/// let listening = listen({
///     let features = features.clone();
///     move |seen| {
///         if seen.layer == "layers.0" {
///             *features.borrow_mut() = Some(seen.values().reshape([-1, 5]));
///         }
///     }
/// });
/// model.forward(Tensor::<2>::zeros([7, 3], &device));
/// drop(listening);
/// let features: Tensor<2> = features.take().unwrap();
/// assert_eq!(features.dims(), [7, 5]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn listen(listener: impl FnMut(&Observation<'_>) + 'static) -> Listening {
    let listener: Listener = Rc::new(RefCell::new(listener));
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    LISTENERS.with_borrow_mut(|listeners| listeners.push((id, listener)));
    Listening(id)
}

/// Returns whether a function listens on this thread. If so, a model must compute each layer that it
/// reports separately; otherwise it may compute it as one with what follows.
///
/// ```
/// use burn::nn::BatchNorm;
/// use burn::nn::conv::Conv2d;
/// use burn::tensor::Tensor;
/// use fastburn::layers::{Epilogue, FullPrecision, conv2d, conv2d_norm, is_observed, observe};
///
/// fn block(conv: &Conv2d, norm: &FullPrecision<BatchNorm>, images: Tensor<4>) -> Tensor<4> {
///     if !is_observed() {
///         return conv2d_norm(conv, norm, images, Epilogue::Relu);
///     }
///     let maps = conv2d(conv, images);
///     observe("conv", &maps);
///     norm.forward_with(maps, Epilogue::Relu)
/// }
/// assert!(!is_observed());
/// ```
pub fn is_observed() -> bool {
    LISTENERS.with_borrow(|listeners| !listeners.is_empty())
}

/// The output of one layer in one forward pass.
pub struct Observation<'a> {
    /// The layer's path in the model, such as `layers.0`.
    pub layer: &'a str,
    /// The shape of the output, such as `[batch, features]`.
    pub shape: &'a [usize],
    values: &'a dyn Fn() -> Tensor<1>,
}

impl Observation<'_> {
    /// Returns the output's values in row-major order, without gradients: `[values]`, still on the
    /// device.
    pub fn values(&self) -> Tensor<1> {
        (self.values)()
    }
}

impl std::fmt::Debug for Observation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observation")
            .field("layer", &self.layer)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// A registered listener, removed when this is dropped on the thread that registered it; see
/// [`listen`].
#[must_use = "dropping it removes the listener"]
#[derive(Debug)]
pub struct Listening(u64);

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.with_borrow_mut(|listeners| listeners.retain(|&(id, _)| id != self.0));
    }
}

fn report<const D: usize>(layer: &dyn Display, activation: &Tensor<D>) {
    let mut path = PARTS.with_borrow(Clone::clone);
    path.push(layer.to_string());
    let layer = path.join(".");
    let values = || {
        let length = activation.shape().num_elements();
        activation.clone().inner().reshape([length])
    };
    let observation = Observation { layer: &layer, shape: &activation.dims(), values: &values };
    // The list is cloned: a listener may add or remove listeners.
    for (_, listener) in LISTENERS.with_borrow(Clone::clone) {
        if let Ok(mut listener) = listener.try_borrow_mut() {
            listener(&observation);
        }
    }
}

/// Marks the forward pass as being in a part of a model, until it ends or panics.
struct PartGuard;

impl PartGuard {
    fn enter(part: &str) -> Self {
        PARTS.with_borrow_mut(|parts| parts.push(part.to_owned()));
        Self
    }
}

impl Drop for PartGuard {
    fn drop(&mut self) {
        PARTS.with_borrow_mut(Vec::pop);
    }
}
