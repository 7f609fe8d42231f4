//! A learner's callbacks: for good, or for what is done next.

use super::recorder::RECORDER;
use super::{Callback, Learner, Model};
use crate::error::{Error, Result};

impl<M, I, T> Learner<M, I, T>
where
    M: Model<I>,
    I: Clone,
    T: Clone,
{
    /// One more callback, behind those of its [`order`](Callback::order).
    pub fn callback(mut self, callback: impl Callback<M, I, T> + 'static) -> Self {
        self.attach(Box::new(callback));
        self
    }

    /// Without the callbacks of that [`name`](Callback::name), such as `TerminateOnNan`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is none of that name, or it is the recorder, without which there
    /// is no history.
    pub fn without(mut self, name: &str) -> Result<Self> {
        let names = self.callbacks.iter().map(|callback| callback.name());
        let names: Vec<_> = names.filter(|name| *name != RECORDER).collect();
        if !names.contains(&name) {
            let expected = format!("it must be one of {}", names.join(", "));
            return Err(Error::setting("the callback to take off", name, expected));
        }
        self.callbacks.retain(|callback| callback.name() != name);
        Ok(self)
    }

    /// Has a callback for what `run` does alone: fastai's `fit(…, cbs=…)` and `added_cbs`.
    ///
    /// ```
    /// use fastburn::callbacks::EarlyStopping;
    /// use fastburn::prelude::*;
    ///
    /// let device = device::cpu()?;
    /// let dls = Splits::digits()?.loaders(64, 42, &device)?;
    /// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, cross_entropy);
    /// learn.with(EarlyStopping::patience(2), |learn| learn.fit(3, 1e-3))?;
    /// learn.fit(1, 1e-4)?; // without
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `run` fails with.
    pub fn with<R>(
        &mut self,
        callback: impl Callback<M, I, T> + 'static,
        run: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        let index = self.attach(Box::new(callback));
        let ran = run(self);
        self.callbacks.remove(index);
        ran
    }

    fn attach(&mut self, callback: Box<dyn Callback<M, I, T>>) -> usize {
        let order = callback.order();
        let index = self.callbacks.partition_point(|other| other.order() <= order);
        self.callbacks.insert(index, callback);
        index
    }
}
