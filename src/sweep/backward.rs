//! The sweep as methods of variables and tapes.

use super::Gradients;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::tape::{Tape, Value, Var};
use crate::tensor::Tensor;

impl<T: Element> Var<'_, T> {
    /// The gradients of this scalar by every variable that it depends on.
    ///
    /// # Panics
    /// This is a tensor.
    #[track_caller]
    pub fn backward(self) -> Gradients<T> {
        self.try_backward().or_panic()
    }

    /// As [`Var::backward`].
    ///
    /// # Errors
    /// This is a tensor; an op on the way has no derivative at these numbers.
    #[inline(never)]
    pub fn try_backward(self) -> Result<Gradients<T>> {
        if self.is_tensor() {
            let shape = self.shape();
            return Err(Error::shape(format!(
                "backward: output must be a scalar, got shape {shape}; reduce it with sum() or mean(), or pass a seed"
            )));
        }
        Gradients::sweep(self, Value::Scalar(T::from_f64(1.0)))
    }

    /// The gradients of the sum of `seed` times this variable: the vector-Jacobian product.
    ///
    /// # Panics
    /// The seed's shape is not this variable's.
    #[track_caller]
    pub fn backward_with(self, seed: impl Into<Tensor<T>>) -> Gradients<T> {
        self.try_backward_with(seed).or_panic()
    }

    /// As [`Var::backward_with`].
    ///
    /// # Errors
    /// The seed's shape is not this variable's; an op on the way has no derivative at these numbers.
    pub fn try_backward_with(self, seed: impl Into<Tensor<T>>) -> Result<Gradients<T>> {
        self.backward_of_seed(seed.into())
    }

    #[inline(never)]
    pub(crate) fn backward_of_seed(self, seed: Tensor<T>) -> Result<Gradients<T>> {
        if *seed.shape() != self.shape() {
            let (seed, own) = (seed.shape(), self.shape());
            return Err(Error::shape(format!("backward: seed has shape {seed}, the output {own}")));
        }
        Gradients::sweep(self, seed.into())
    }
}

impl<T: Element> Tape<T> {
    /// Records what the closure builds, differentiates its scalar result, and clears the tape.
    ///
    /// Returns the result's value, what else the closure returned, and the gradients. Because the tape has let go of the
    /// parameters by then, an optimiser can write them in place.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let mut tape = Tape::<f32>::of();
    /// let mut w = Tensor::from([1.0f32, -2.0]);
    /// for _ in 0..3 {
    ///     let (loss, id, grads) = tape.step(|t| {
    ///         let v = t.var(&w);
    ///         (v.square().sum(()), v.id())
    ///     });
    ///     assert!(loss > 0.0);
    ///     w.add_scaled(-0.1, grads.get(id).unwrap());
    ///     tape.recycle(grads);
    /// }
    /// ```
    #[track_caller]
    pub fn step<R>(&mut self, build: impl for<'t> FnOnce(&'t Tape<T>) -> (Var<'t, T>, R)) -> (T, R, Gradients<T>) {
        let (value, rest, grads) = {
            let (loss, rest) = build(self);
            (loss.item(), rest, loss.backward())
        };
        self.clear();
        (value, rest, grads)
    }

    /// Takes the buffers of gradients back for the next sweep.
    #[inline(never)]
    pub fn recycle(&self, grads: Gradients<T>) {
        let (scalars, tensors) = grads.into_parts();
        self.keep_spare(scalars, tensors);
    }
}
