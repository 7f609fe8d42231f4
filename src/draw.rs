//! The initial parameters of modules, from a seed.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Mutex;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Device, Int, Tensor};
use rand::Rng;

use crate::mutex::lock;
use crate::seed::{Seed, Stream};

impl Seed {
    /// Makes any Burn module, with its parameters drawn from this seed.
    ///
    /// Burn draws a layer's parameters when they are first used, from one generator per backend
    /// that the whole process shares. Here they are drawn at once, in the order of the module's
    /// fields. The same seed gives the same weights on the same backend, as long as no other thread
    /// draws from it meanwhile, and others on another backend; fastburn's own models have the same
    /// weights on every device.
    ///
    /// ```
    /// use burn::module::Module;
    /// use burn::nn::{Linear, LinearConfig};
    /// use burn::tensor::Device;
    /// use fastburn::Seed;
    ///
    /// #[derive(Module, Debug)]
    /// struct Two {
    ///     hidden: Linear,
    ///     output: Linear,
    /// }
    ///
    /// fn two(device: &Device) -> Two {
    ///     Two {
    ///         hidden: LinearConfig::new(3, 5).init(device),
    ///         output: LinearConfig::new(5, 2).init(device),
    ///     }
    /// }
    ///
    /// let device = fastburn::device::cpu()?;
    /// let [one, other] = [(); 2].map(|()| Seed::new(42).module(&device, two));
    /// assert_eq!(one.hidden.weight.val().to_data(), other.hidden.weight.val().to_data());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn module<M: Module>(self, device: &Device, make: impl FnOnce(&Device) -> M) -> M {
        let made: Result<M, Infallible> = self.try_module(device, |device| Ok(make(device)));
        made.unwrap_or_else(|never| match never {})
    }

    /// [`module`](Self::module) for a function that can fail.
    pub(crate) fn try_module<M: Module, E>(
        self,
        device: &Device,
        make: impl FnOnce(&Device) -> Result<M, E>,
    ) -> Result<M, E> {
        /// Two modules drawn at the same time would share the numbers of one generator.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        thread_local! {
            static INSIDE: Cell<bool> = const { Cell::new(false) };
        }
        // A module that is made inside another one is drawn under the other's lock.
        let is_inside = INSIDE.replace(true);
        let _guard = (!is_inside).then(|| lock(&ONE_AT_A_TIME));
        let _outside = OnDrop(|| INSIDE.set(is_inside));
        let seed = |part| device.seed(self.rng(Stream::Modules, part).next_u64());
        seed(0);
        let module = make(device)?;
        // `make` may have made other modules, from other seeds.
        seed(1);
        draw(&module);
        Ok(module)
    }
}

/// Calls a function when it is dropped, also by a panic.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Draws the parameters of a module that have not been drawn yet.
pub(crate) fn draw(module: &impl Module) {
    module.visit(&mut Draw);
}

struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        param.val();
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        param.val();
    }
}
