//! Models that tell what comes out of their layers, to whoever listens.
//!
//! Burn's modules have no hooks. A model therefore says at each layer what came out of it, which
//! costs nothing to speak of as long as nobody listens.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use burn::tensor::Tensor;

type Listener = Rc<RefCell<dyn FnMut(&Observation<'_>)>>;

thread_local! {
    static LISTENERS: RefCell<Vec<Listener>> = const { RefCell::new(Vec::new()) };
    /// The parts of the model that the forward pass is in, the outermost first.
    static PARTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Tells what came out of a layer to those who [`listen`] on this thread.
///
/// Without a listener it does nothing. `layer` is the layer's path in the model, as Burn's
/// parameter visitors have it: the names of the fields, and numbers in a `Vec`, joined by dots.
/// fastburn's own models tell of each of their layers; one of your own takes part with a line a
/// layer, and with [`observe_part`] around a part that tells for itself:
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Tensor, activation::relu};
/// use fastburn::models::{Mlp, MlpConfig, Model, listen, observe, observe_part};
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
/// A name that takes work to make is best given as `format_args!("layers.{index}")`, which is put
/// together only where somebody listens.
pub fn observe<const D: usize>(layer: impl Display, activation: &Tensor<D>) {
    if is_heard() {
        tell(&layer, activation);
    }
}

/// Runs the forward pass of a part of a model, whose layers tell their names within that part.
///
/// [`observe`] shows it at work.
pub fn observe_part<R>(part: &str, forward: impl FnOnce() -> R) -> R {
    if !is_heard() {
        return forward();
    }
    let _within = PartGuard::enter(part);
    forward()
}

/// Has a function told of each layer's output on this thread, until what is returned is dropped.
///
/// It stands in for PyTorch's `register_forward_hook`. Several may listen at once. What a
/// listener itself runs through a model is told to the others alone.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// use burn::tensor::Tensor;
/// use fastburn::models::{MlpConfig, Model, listen};
///
/// let device = fastburn::device::cpu()?;
/// let model = MlpConfig::new([3, 5, 2]).init(&device, 42)?;
///
/// // The features in front of the last layer, as another model's inputs.
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
    LISTENERS.with_borrow_mut(|listeners| listeners.push(listener.clone()));
    Listening(listener)
}

/// What came out of one layer in one forward pass.
pub struct Observation<'a> {
    /// The layer's path in the model, such as `layers.0`.
    pub layer: &'a str,
    /// The shape of what came out, such as `[batch, features]`.
    pub shape: &'a [usize],
    values: &'a dyn Fn() -> Tensor<1>,
}

impl Observation<'_> {
    /// All of what came out, in row-major order and without gradients: `[values]`, still on the
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

/// A listener is told as long as this lives; see [`listen`].
#[must_use = "nothing is told any more once it is dropped"]
pub struct Listening(Listener);

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.with_borrow_mut(|listeners| listeners.retain(|one| !Rc::ptr_eq(one, &self.0)));
    }
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}

fn is_heard() -> bool {
    LISTENERS.with_borrow(|listeners| !listeners.is_empty())
}

fn tell<const D: usize>(layer: &dyn Display, activation: &Tensor<D>) {
    let mut path = PARTS.with_borrow(Clone::clone);
    path.push(layer.to_string());
    let layer = path.join(".");
    let values = || {
        let length = activation.shape().num_elements();
        activation.clone().inner().reshape([length])
    };
    let seen = Observation { layer: &layer, shape: &activation.dims(), values: &values };
    // A listener may begin to listen elsewhere, or end it.
    for listener in LISTENERS.with_borrow(Clone::clone) {
        if let Ok(mut listener) = listener.try_borrow_mut() {
            listener(&seen);
        }
    }
}

/// A part of a model that the forward pass is in, left even if that panics.
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
