//! Jacobians and Hessians as variables: one sweep, mapped over seeds.

use crate::error::{OrPanic, Result};
use crate::num::Element;
use crate::sweep::scalar_to_differentiate;
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};

impl<T: Element> Tape<T> {
    /// The Jacobians of `y` by each of `xs`, recorded: dy_i/dx_j in the shape of `y` followed by that of x. One backward sweep, mapped
    /// over a seed for each element of `y` ([`Tape::vmap`]); they are variables, to be used, compiled and differentiated again.
    ///
    /// # Panics
    /// As [`Tape::try_jacobian`] fails.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::new();
    /// let (m, x) = (tape.var([[1.0, 2.0], [3.0, 4.0]]), tape.var([1.0, -1.0]));
    /// let blocks = tape.jacobian(m.matmul(x), &[m, x]);
    /// assert_eq!(blocks[0].shape().dims(), [2, 2, 2]);
    /// assert_eq!(blocks[1].value(), m.value());
    /// ```
    #[track_caller]
    pub fn jacobian<'t>(&'t self, y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
        self.try_jacobian(y, xs).or_panic()
    }

    /// As [`Tape::jacobian`].
    ///
    /// # Errors
    /// An op on the way has a numeric rule only; more memory than there is; a variable of another tape.
    #[inline(never)]
    #[track_caller]
    pub fn try_jacobian<'t>(&'t self, y: Var<'t, T>, xs: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>> {
        let (own, n) = (y.shape(), y.numel());
        if own.rank() == 0 {
            return self.try_grad(y, xs);
        }
        for x in xs {
            Shape::fitting::<T>("jacobian", &[n, x.numel()])?;
        }
        let lengths: Vec<usize> = std::iter::once(n).chain(own.iter().copied()).collect();
        let mut units = Tensor::zeros(Shape::fitting::<T>("jacobian", &lengths)?);
        units.as_mut_slice().iter_mut().step_by(n + 1).for_each(|unit| *unit = T::from_f64(1.0));
        let rows = self.try_vmap(&[self.data(units)], |seed| self.try_vjp(y, seed[0], xs))?;
        let shaped = |(rows, x): (Var<'t, T>, &Var<'t, T>)| {
            let lengths: Vec<usize> = own.iter().chain(x.shape().iter()).copied().collect();
            rows.try_reshape(Shape::of("jacobian", &lengths)?)
        };
        rows.into_iter().zip(xs).map(shaped).collect()
    }

    /// The Hessian of the scalar `y` by `xs`, recorded, in blocks: block `[i][j]` is d2y/(dx_i dx_j) in the shape of x_i followed by that of
    /// x_j.
    ///
    /// # Panics
    /// As [`Tape::try_hessian`] fails.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var([1.0, 2.0]), tape.var(3.0));
    /// let blocks = tape.hessian((a * a).sum(()) * b, &[a, b]);
    /// assert_eq!(blocks[0][0].value().to_vec(), [6.0, 0.0, 0.0, 6.0]);
    /// assert_eq!(blocks[0][1].value().to_vec(), [2.0, 4.0]);
    /// assert_eq!(blocks[1][1].item(), 0.0);
    /// ```
    #[track_caller]
    pub fn hessian<'t>(&'t self, y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<Vec<Var<'t, T>>> {
        self.try_hessian(y, xs).or_panic()
    }

    /// As [`Tape::hessian`].
    ///
    /// # Errors
    /// As [`Tape::try_jacobian`]; `y` is no scalar.
    #[inline(never)]
    #[track_caller]
    pub fn try_hessian<'t>(&'t self, y: Var<'t, T>, xs: &[Var<'t, T>]) -> Result<Vec<Vec<Var<'t, T>>>> {
        let y = scalar_to_differentiate(y)?;
        self.try_grad(y, xs)?.into_iter().map(|gradient| self.try_jacobian(gradient, xs)).collect()
    }
}
